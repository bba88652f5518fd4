/**
 * Opens a page in an installed Chromium or Chrome, headless, with WebGPU on SwiftShader (its CPU driver), and hands back
 * what the page sends to `/report`. The page says when it is done, so nothing but its own address is needed: no driver of
 * the browser. No assertions.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** `CHROME_PATH`, or a browser in a usual place, or undefined. */
export function findChromium(): string | undefined {
  const named = process.env.CHROME_PATH;
  return named ?? PLACES.find((path) => existsSync(path));
}

/**
 * Loads a page that runs `script` and resolves with the JSON that it posts to `/report`.
 *
 * @param host The name that the page is asked for by; any other than the default is no secure context.
 */
export async function reportOf<T>(
  chromium: string,
  script: string,
  timeoutMs: number,
  host = '127.0.0.1',
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'lockstep-chromium-'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const browser = spawn(
    chromium,
    [
      '--headless=new',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--no-first-run',
      // Containers seldom have what the sandbox needs; the only page is ours.
      '--no-sandbox',
      `--user-data-dir=${profile}`,
      ...(host === '127.0.0.1' ? [] : [`--host-resolver-rules=MAP ${host} 127.0.0.1`]),
      `http://${host}:${port}/`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  browser.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${what}. The browser said:\n${said.slice(-2000)}`));
      browser.once('error', reject);
      ended.then(() => fail('The browser ended before the page was done'));
      timer = setTimeout(() => fail(`No report from the page within ${timeoutMs} ms`), timeoutMs);
      server.on('request', (request, response) => {
        if (request.url === '/report') {
          let body = '';
          request.on('data', (chunk) => {
            body += chunk;
          });
          request.on('end', () => resolve(JSON.parse(body)));
          response.end();
        } else if (request.url === '/') {
          response.setHeader('content-type', 'text/html; charset=utf-8');
          response.end(
            '<!doctype html><title>lockstep-gpu</title><script type="module" src="/page.js"></script>',
          );
        } else if (request.url === '/page.js') {
          response.setHeader('content-type', 'text/javascript; charset=utf-8');
          response.end(script);
        } else {
          response.statusCode = 404;
          response.end();
        }
      });
    });
  } finally {
    clearTimeout(timer);
    browser.kill();
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

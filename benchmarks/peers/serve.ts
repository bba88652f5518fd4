/** The other end of process.ts, for peers in JavaScript: answers each line of standard input. */
import { createInterface } from 'node:readline';

export async function serve<Request>(answer: (request: Request) => Promise<object>): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line) as Request).catch((error) => ({ error: `${error}` }));
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}

/**
 * Set-up derives Debian's backports from whatever apt files a machine has: deb822 and one-line, other vendors'
 * archives beside Debian's, disabled stanzas. Formats as sources.list(5) gives them.
 */
import { expect, test } from 'vitest';
import {
  backportsCandidates,
  backportsEntry,
  hasBackports,
  parseSources,
} from '../../scripts/apt-sources.mjs';

const DEB822 = `Types: deb
# snapshot of that day
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

const best = (name: string, text: string) => {
  const [source] = backportsCandidates(parseSources(name, text), 'bookworm');
  return source && backportsEntry(source, 'bookworm');
};

test('deb822: the archive of the release itself, with its key', () => {
  expect(best('debian.sources', DEB822)).toBe(
    'Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\n' +
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  );
});

test('one-line: options move over under their deb822 names', () => {
  const list = `# deb cdrom:[Debian]/ bookworm main
deb [arch=amd64,arm64 signed-by=/keys/debian.gpg] http://mirror.test/debian/ bookworm main contrib # the archive
deb-src http://mirror.test/debian/ bookworm main
deb http://mirror.test/debian-security bookworm-security main
`;
  expect(best('sources.list', list)).toBe(
    'Types: deb\nURIs: http://mirror.test/debian/\nSuites: bookworm-backports\nComponents: main\n' +
      'Architectures: amd64 arm64\nSigned-By: /keys/debian.gpg\n',
  );
});

test('an inline key is repeated whole', () => {
  const key =
    'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n';
  const text = `Types: deb deb-src\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main\n${key}`;
  expect(best('debian.sources', text)).toContain('-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n');
});

test('another vendor that uses the codename as its suite comes after Debian', () => {
  const list = `deb http://vendor.test/packages bookworm main
deb http://mirror.test/debian bookworm main
deb http://mirror.test/debian bookworm-updates main
`;
  const uris = backportsCandidates(parseSources('sources.list', list), 'bookworm').map(
    (source) => source.uris[0],
  );
  expect(uris).toEqual(['http://mirror.test/debian', 'http://vendor.test/packages']);
});

test('what is disabled, commented out or of another release is no candidate', () => {
  expect(best('debian.sources', `Enabled: no\n${DEB822.split('\n\n')[0]}`)).toBeUndefined();
  expect(best('sources.list', '#deb http://mirror.test/debian bookworm main\n')).toBeUndefined();
  expect(best('sources.list', 'deb http://mirror.test/debian trixie main\n')).toBeUndefined();
  expect(best('sources.list', 'deb http://mirror.test/tools nodistro main\n')).toBeUndefined();
});

test('backports that are already there are seen, disabled ones are not', () => {
  const stanza =
    'Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\n';
  expect(hasBackports(parseSources('a.sources', stanza), 'bookworm')).toBe(true);
  expect(hasBackports(parseSources('a.sources', `Enabled: no\n${stanza}`), 'bookworm')).toBe(false);
  expect(
    hasBackports(parseSources('a.list', 'deb http://mirror.test/debian bookworm-backports main'), 'bookworm'),
  ).toBe(true);
});

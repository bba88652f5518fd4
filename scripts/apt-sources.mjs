/**
 * Reads apt's own source files (deb822 `.sources` and one-line `.list`) and derives a backports entry from them, so
 * that set-up never has to name a mirror. Text in, text out: nothing here touches the disk or runs apt.
 * Format: sources.list(5).
 */

/**
 * One archive that apt is told to use. `options` holds what a derived entry must repeat to be trusted in the same
 * way, under their deb822 names (Signed-By, Architectures, Trusted, …).
 * @typedef {{ uris: string[], suites: string[], components: string[], options: Record<string, string> }} AptSource
 */

/** The one-line format spells these options differently from deb822. */
const DEB822_NAMES = {
  arch: 'Architectures',
  'signed-by': 'Signed-By',
  trusted: 'Trusted',
  lang: 'Languages',
};

/** @param {string} line @returns {AptSource | undefined} */
function parseOneLine(line) {
  const text = line.replace(/#.*/, '').trim();
  const match = /^deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)$/.exec(text);
  if (!match) return undefined;
  /** @type {Record<string, string>} */
  const options = {};
  for (const option of (match[1] ?? '').split(/\s+/).filter(Boolean)) {
    const at = option.indexOf('=');
    const key = option.slice(0, at).toLowerCase();
    const name = DEB822_NAMES[/** @type {keyof typeof DEB822_NAMES} */ (key)] ?? option.slice(0, at);
    options[name] = option.slice(at + 1).replaceAll(',', ' ');
  }
  return { uris: [match[2]], suites: [match[3]], components: match[4].split(/\s+/).filter(Boolean), options };
}

/**
 * Fields of one stanza, lower-case name to [name, value]; continuation lines (an inline key) stay in the value.
 * @param {string} stanza @returns {Map<string, [string, string]>}
 */
function parseFields(stanza) {
  /** @type {Map<string, [string, string]>} */
  const fields = new Map();
  let current = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z][\w-]*):\s*(.*)$/.exec(line);
    if (match) {
      current = match[1].toLowerCase();
      fields.set(current, [match[1], match[2].trimEnd()]);
    } else if (/^\s+\S/.test(line) && current) {
      const [name, value] = /** @type {[string, string]} */ (fields.get(current));
      fields.set(current, [name, `${value}\n${line.trimEnd()}`]);
    }
  }
  return fields;
}

/** @param {string} stanza @returns {AptSource | undefined} */
function parseStanza(stanza) {
  const fields = parseFields(stanza);
  /** @param {string} name */
  const words = (name) => (fields.get(name)?.[1] ?? '').split(/\s+/).filter(Boolean);
  if (
    !words('types').includes('deb') ||
    /^(no|false|0|off|without|disable)$/i.test(words('enabled')[0] ?? 'yes')
  ) {
    return undefined;
  }
  const own = new Set(['types', 'uris', 'suites', 'components', 'enabled']);
  const options = Object.fromEntries([...fields].filter(([key]) => !own.has(key)).map(([, pair]) => pair));
  return { uris: words('uris'), suites: words('suites'), components: words('components'), options };
}

/**
 * The enabled binary archives that one file names. `.sources` is deb822, everything else the one-line format.
 * @param {string} name @param {string} text @returns {AptSource[]}
 */
export function parseSources(name, text) {
  const parsed = name.endsWith('.sources')
    ? text.split(/\n\s*\n/).map(parseStanza)
    : text.split('\n').map(parseOneLine);
  return parsed.filter((source) => source !== undefined);
}

/** @param {AptSource[]} sources @param {string} codename */
export function hasBackports(sources, codename) {
  return sources.some((source) => source.suites.includes(`${codename}-backports`));
}

/**
 * The archives that may carry `CODENAME-backports`, likeliest first: Debian's main archive is the one that also
 * serves `CODENAME-updates`, or whose suites are signed by Debian's own keyring; other vendors sometimes use
 * Debian's codename as a suite too, so the caller has to try.
 * @param {AptSource[]} sources @param {string} codename @returns {AptSource[]}
 */
export function backportsCandidates(sources, codename) {
  const updates = new Set(
    sources
      .filter((source) => source.suites.includes(`${codename}-updates`))
      .flatMap((source) => source.uris),
  );
  /** @param {AptSource} source */
  const rank = (source) =>
    (source.uris.some((uri) => updates.has(uri)) ? 2 : 0) +
    (/debian-archive/.test(source.options['Signed-By'] ?? '') ? 1 : 0);
  return sources
    .filter((source) => source.suites.includes(codename) && source.components.includes('main'))
    .sort((a, b) => rank(b) - rank(a));
}

/**
 * A deb822 file for the backports of `source`'s archive.
 * @param {AptSource} source @param {string} codename @returns {string}
 */
export function backportsEntry(source, codename) {
  const options = Object.entries(source.options).map(([name, value]) => `${name}: ${value}\n`);
  return (
    `Types: deb\nURIs: ${source.uris.join(' ')}\nSuites: ${codename}-backports\nComponents: main\n` +
    options.join('')
  );
}

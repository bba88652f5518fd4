/** Tables that are kept in RESULTS.md, read back so that a new one can stand beside the last. Pure text. */

/** The cells of the first table under `### title`: by the first cells of a row, joined, then by the head of a column. */
export function keptTable(markdown: string, title: string, keys = 1): Map<string, Map<string, string>> {
  const rows = new Map<string, Map<string, string>>();
  const at = markdown.indexOf(`\n### ${title}\n`);
  if (at < 0) return rows;
  const lines = markdown.slice(at).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, k) => k > first && !line.startsWith('|'));
  const [head, , ...body] = lines.slice(first, end < 0 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  for (const cells of body)
    rows.set(cells.slice(0, keys).join(' '), new Map(head.map((name, k) => [name, cells[k]])));
  return rows;
}

// Which table a file is for.

/** The table that claims a file of that name, as in chalicelib/load/routing.py; undefined when none does. */
export function guessTable(name, tables) {
  const claims = (table) =>
    name.toLowerCase().startsWith(table.toLowerCase()) && /^[^a-z]/i.test(name.slice(table.length));
  return tables.filter(claims).sort((one, other) => other.length - one.length)[0];
}

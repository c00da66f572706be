// What the data dictionary says of a table's columns, and what refers to it.
import { html } from "../lib.js";
import { useTables } from "../dictionary.js";
import { href } from "../router.js";
import { number, t, tOr } from "../text.js";
import { Badge, Table } from "../ui.js";

const OWN_RANGES = { int4: [-(2 ** 31), 2 ** 31 - 1], int8: [-(2 ** 63), 2 ** 63] };

export function DictionaryView({ table }) {
  const all = useTables();
  const children = (all.data ?? []).flatMap((other) =>
    other.foreign_keys.filter((key) => key.table === table.name).map((key) => ({ table: other, columns: key.columns })),
  );
  return html`
    <div class="dictionary">
      <${Table} caption=${t("dictionary.caption", { table: table.name })} rows=${table.columns} columns=${columns(table)}
        id=${(column) => column.name} />
    </div>
    ${children.length > 0 &&
    html`<section class="card">
      <h2>${t("dictionary.children")}</h2>
      <ul class="plain-list">
        ${children.map(
          (child) => html`<li key=${child.table.name}>
            <a href=${dictionaryHref(child.table.name)}>${child.table.title || child.table.name}</a>
            <span class="mono hint"> ${child.table.name} (${child.columns.join(", ")})</span>
          </li>`,
        )}
      </ul>
    </section>`}
  `;
}

const dictionaryHref = (name) => href(`/tables/${encodeURIComponent(name)}/dictionary`);

const columns = (table) => [
  {
    key: "name",
    label: t("dictionary.column"),
    cell: (column) => html`<span class="mono strong">${column.name}</span>
      ${table.primary_key.includes(column.name) && html` <${Badge}>${t("dictionary.primary")}<//>`}`,
  },
  { key: "type", label: t("dictionary.type"), cell: (column) => tOr(`dictionary.type.${column.type}`, column.type) },
  { key: "required", label: t("dictionary.required"), cell: (column) => t(`dictionary.required.${column.required ? "yes" : "no"}`) },
  { key: "constraints", label: t("dictionary.constraints"), cell: (column) => constraints(column) },
  { key: "references", label: t("dictionary.references"), cell: (column) => references(table, column) },
  { key: "description", label: t("dictionary.description"), cell: (column) => column.description || none },
];

const none = html`<span class="none">–</span>`;

function references(table, column) {
  const keys = table.foreign_keys.filter((key) => key.columns.includes(column.name));
  if (!keys.length) return none;
  return keys.map(
    (key) => html`<a class="mono" href=${dictionaryHref(key.table)}>${key.table}.${key.references[key.columns.indexOf(column.name)]}</a> `,
  );
}

function constraints({ type, constraints: given }) {
  const told = [range(type, given), length(given)].filter(Boolean);
  if (given.enum) told.push(html`${t("dictionary.enum")} ${given.enum.map((each, index) => html`${index ? ", " : ""}<code>${String(each)}</code>`)}`);
  if (given.pattern) told.push(html`${t("dictionary.pattern")} <code>${given.pattern}</code>`);
  return told.length ? told.map((each, index) => html`${index ? html`<br />` : null}${each}`) : none;
}

/** A range of values in words. What the column's type bounds anyway is told in a word, or not at all. */
function range(type, { minimum, maximum }) {
  if (type === "integer") {
    const bounds = [Number(minimum), Number(maximum)];
    const own = Object.entries(OWN_RANGES).find(([, range]) => range.some((bound) => bounds.includes(bound)));
    const [name, [least, most]] = own ?? ["", []];
    const [lower, upper] = [bounds[0] === least, bounds[1] === most];
    if (lower && upper) return t(`dictionary.range.${name}`);
    if (lower) minimum = undefined;
    if (upper) maximum = undefined;
  }
  if (minimum === undefined && maximum === undefined) return null;
  const shown = (value) => (type === "integer" || type === "number" ? number(value, { maximumFractionDigits: 20 }) : value);
  if (maximum === undefined) return t("dictionary.minimum", { minimum: shown(minimum) });
  if (minimum === undefined) return t("dictionary.maximum", { maximum: shown(maximum) });
  return t("dictionary.range", { minimum: shown(minimum), maximum: shown(maximum) });
}

function length({ min_length: min, max_length: max }) {
  if (min === undefined && max === undefined) return null;
  if (max === undefined) return t("dictionary.length.min", { min });
  return min === undefined ? t("dictionary.length.max", { max }) : t("dictionary.length", { min, max });
}

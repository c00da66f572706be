// The tables of the data dictionary.
import { html } from "../lib.js";
import { get } from "../api.js";
import { useLoaded } from "../hooks.js";
import { href } from "../router.js";
import { number, t } from "../text.js";
import { Loaded, Page, Table } from "../ui.js";

export const tableHref = (name, query) => href(`/tables/${encodeURIComponent(name)}`, query);

export function TablesPage() {
  const tables = useLoaded((signal) => get("tables", {}, { signal }), []);
  return html`<${Page} title=${t("tables.title")} lead=${t("tables.lead")}>
    <${Loaded} from=${tables} rows=${3}>
      ${(data) => html`<div class="tables"><${Table} caption=${t("tables.caption")} rows=${data.tables} id=${(table) => table.name} columns=${columns()} /></div>`}
    <//>
  <//>`;
}

const columns = () => [
  {
    key: "name",
    label: t("tables.table"),
    cell: (table) => html`<a class="strong" href=${tableHref(table.name)}>${table.title || table.name}</a>
      ${table.description && html`<p class="hint">${table.description}</p>`}`,
  },
  { key: "rows", label: t("tables.rows"), numeric: true, cell: (table) => number(table.rows) },
  { key: "columns", label: t("tables.columns"), wide: true, cell: (table) => names(table.columns.map((column) => column.name)) },
  { key: "key", label: t("tables.key"), wide: true, cell: (table) => names(table.primary_key) },
  {
    key: "references",
    label: t("tables.references"),
    cell: (table) =>
      table.foreign_keys.length
        ? table.foreign_keys.map((key, index) => html`${index ? ", " : ""}<a class="mono" href=${tableHref(key.table)}>${key.table}</a>`)
        : html`<span class="none">${t("tables.none")}</span>`,
  },
];

const names = (list) => html`<span class="mono">${list.join(", ")}</span>`;

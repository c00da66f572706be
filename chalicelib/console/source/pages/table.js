// A table: its rows, a page at a time and filtered, or what the dictionary says of it.
import { html } from "../lib.js";
import { get, may } from "../api.js";
import { useLoaded } from "../hooks.js";
import { href } from "../router.js";
import { t } from "../text.js";
import { Button, Loaded, Page } from "../ui.js";
import { tableHref } from "./tables.js";
import { DictionaryView } from "./table_dictionary.js";
import { RowsView } from "./table_rows.js";

export const TablePage = ({ params, query }) => html`<${TableFrame} name=${params.table} view="rows">
  ${(table) => html`<${RowsView} table=${table} query=${query} />`}<//>`;

export const DictionaryPage = ({ params }) => html`<${TableFrame} name=${params.table} view="dictionary">
  ${(table) => html`<${DictionaryView} table=${table} />`}<//>`;

function TableFrame({ name, view, children }) {
  const loaded = useLoaded((signal) => get(`tables/${encodeURIComponent(name)}`, {}, { signal }), [name]);
  const views = { rows: tableHref(name), dictionary: href(`/tables/${encodeURIComponent(name)}/dictionary`) };
  const table = loaded.data;
  return html`<${Page}
    title=${table?.title || name}
    lead=${table && html`<span class="mono">${name}</span> · ${t("rows", { count: table.rows })}${table.description && ` · ${table.description}`}`}
    back=${{ href: href("/tables"), label: t("tables.title") }}
    actions=${html`<${Button} icon="backup" href=${href("/backups", { table: name })}>${t("table.backup")}<//>
      ${may("operate") && html`<${Button} icon="again" href=${href("/backups/restore", { table: name })}>${t("table.restore")}<//>`}`}
  >
    <nav class="tabs" aria-label=${t("table.views")}>
      ${Object.entries(views).map(([key, to]) => html`<a key=${key} href=${to} aria-current=${key === view ? "page" : null}>${t(`table.${key}`)}</a>`)}
    </nav>
    <${Loaded} from=${loaded} rows=${6}>${children}<//>
  <//>`;
}

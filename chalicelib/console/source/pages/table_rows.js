// The rows of a table: filters, pages, references that lead to other rows, and all of it as CSV.
import { html, useRef, useState } from "../lib.js";
import { get } from "../api.js";
import { useAction, useLoaded } from "../hooks.js";
import { go } from "../router.js";
import { bytes, number, t } from "../text.js";
import { announce, Button, Empty, Loaded, Pager, ProblemNotice, Select, Table } from "../ui.js";
import { Filters } from "./table_filters.js";
import { downloadCsv } from "./table_csv.js";
import { tableHref } from "./tables.js";

const SIZES = [50, 100, 250, 1000];
// Which page leads to which: the API tells the next one only. It outlives the page, for readers come back.
const steps = new Map();

/** `query` has what the API takes: `limit`, `after`, and filters. */
export function RowsView({ table, query }) {
  const { after, limit, ...filters } = query;
  const size = SIZES.includes(Number(limit)) ? Number(limit) : 100;
  const path = `/tables/${encodeURIComponent(table.name)}`;
  const state = JSON.stringify([table.name, size, filters, after]);
  const page = useLoaded((signal) => get(`${path}/rows`, { ...filters, limit: size, after }, { signal }), [state]);
  const step = steps.get(state) ?? (after ? null : { from: 0 });
  const filtered = Object.keys(filters).length > 0;

  const turn = (next, rows) => {
    const following = JSON.stringify([table.name, size, filters, next]);
    steps.set(following, { before: after, from: step && step.from + rows });
    go(path, { ...query, after: next });
  };
  const back = after && (() => go(path, { ...query, after: step?.before }));

  return html`
    <div class="toolbar">
      <${Filters} table=${table} filters=${filters} onChange=${(next) => go(path, { ...next, limit })} />
      <${Csv} table=${table.name} filters=${filters} />
    </div>
    <${Loaded} from=${page} rows=${10}>
      ${({ rows, next }) => rows.length === 0 && !after
        ? html`<${Nothing} filtered=${filtered} clear=${() => go(path, { limit })} />`
        : html`
            <div class="rows"><${Table} caption=${t("table.caption", { table: table.name })} rows=${rows} columns=${columns(table)}
              id=${(row) => JSON.stringify(table.primary_key.map((name) => row[name]))} /></div>
            <div class="under-table">
              <${Pager} back=${back} on=${next && (() => turn(next, rows.length))}>${position(step, rows, filtered ? null : table.rows)}<//>
              <label class="inline-field">${t("table.size")}
                <${Select} value=${String(size)} options=${SIZES.map((each) => [String(each), number(each)])}
                  onChange=${(each) => go(path, { ...filters, limit: each })} /></label>
              ${table.columns.some((column) => column.type === "datetime") && html`<span class="hint">${t("table.utc")}</span>`}
            </div>`}
    <//>`;
}

function position(step, rows, total) {
  if (!step || !rows.length) return t("rows", { count: rows.length });
  const place = t("table.page.rows", { from: step.from + 1, to: step.from + rows.length });
  return total === null ? place : t("table.page.of", { place, total });
}

const Nothing = ({ filtered, clear }) =>
  filtered
    ? html`<${Empty} icon="search" title=${t("table.nothing")} action=${html`<${Button} onClick=${clear}>${t("table.filter.clear")}<//>`}>${t("table.nothing.hint")}<//>`
    : html`<${Empty} icon="table" title=${t("table.empty")} action=${html`<${Button} kind="primary" href="#/">${t("table.empty.load")}<//>`}>${t("table.empty.hint")}<//>`;

const columns = (table) =>
  table.columns.map((column) => ({
    key: column.name,
    numeric: column.type === "integer" || column.type === "number",
    label: html`<span class="mono">${column.name}</span>`,
    cell: (row) => cell(table, column, row),
  }));

function cell(table, column, row) {
  const value = row[column.name];
  if (value === null) return html`<span class="none" title=${t("table.null")}>–</span>`;
  const key = table.foreign_keys.find((each) => each.columns.includes(column.name));
  if (!key) return shown(column, value);
  const parent = Object.fromEntries(key.references.map((name, index) => [name, row[key.columns[index]]]));
  return html`<a href=${tableHref(key.table, parent)} title=${t("table.parent", { table: key.table })}>${shown(column, value)}</a>`;
}

function shown({ type }, value) {
  if (type === "boolean") return t(`table.${value}`);
  if (type === "datetime") return html`<time class="nowrap" datetime=${value}>${value.replace("T", " ").replace("Z", "")}</time>`;
  return String(value);
}

/** All rows that meet the filters as one file, though the API gives them a page at a time. */
function Csv({ table, filters }) {
  const [size, setSize] = useState(0);
  const stop = useRef(null);
  const [start, { busy, error }] = useAction(async () => {
    stop.current = new AbortController();
    setSize(0);
    try {
      await downloadCsv(table, filters, setSize, stop.current.signal);
      announce(t("table.csv.done"));
    } catch (failure) {
      if (failure.name !== "AbortError") throw failure;
      announce(t("table.csv.stopped"));
    }
  });
  return html`<div class="actions">
    ${busy && html`<span class="hint">${t("table.csv.busy", { size: bytes(size) })}</span>
      <${Button} kind="quiet" icon="cross" onClick=${() => stop.current.abort()}>${t("table.csv.stop")}<//>`}
    <${Button} icon="download" busy=${busy} onClick=${start}>${t("table.csv")}<//>
    ${error && html`<${ProblemNotice} error=${error} />`}
  </div>`;
}

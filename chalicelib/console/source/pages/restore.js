// Restoring: choose from what, see what would change, then confirm. Nothing is touched before that.
import { html, useEffect, useRef, useState } from "../lib.js";
import { get, may } from "../api.js";
import { useTables } from "../dictionary.js";
import { href } from "../router.js";
import { t } from "../text.js";
import { Button, Card, Field, Loaded, Notice, Page } from "../ui.js";
import { Order, useOrder } from "./backups_order.js";
import { Choose } from "./restore_choice.js";
import { Differences, differs } from "./restore_differences.js";
import { tableHref } from "./tables.js";

export function RestorePage({ query }) {
  const tables = useTables();
  return html`<${Page} title=${t("restore.title")} lead=${t("restore.lead")} back=${{ href: href("/backups"), label: t("backups.title") }}>
    ${may("operate")
      ? html`<${Loaded} from=${tables}>${(data) => html`<${Restore} key=${JSON.stringify(query)} tables=${data} query=${query} />`}<//>`
      : html`<${Notice} kind="warning" title=${t("restore.forbidden")} />`}
  <//>`;
}

function Restore({ tables, query }) {
  const [choice, setChoice] = useState({
    table: query.snapshot ? null : (query.table ?? tables[0].name),
    from: query.backup || query.snapshot ? "chosen" : "newest",
    id: query.backup ?? query.snapshot ?? null,
    moment: "",
  });
  const preview = useOrder();
  const restore = useOrder();
  const reports = (order) => (order.run?.state === "succeeded" ? order.run.result.tables : null);
  const place = choice.table === null ? "restores" : `tables/${encodeURIComponent(choice.table)}/restores`;
  const title = Object.fromEntries(tables.map((table) => [table.name, table.title || table.name]));

  if (reports(restore)) return html`<${Over} reports=${reports(restore)} title=${title} />`;
  return html`
    <${Choose} ...${{ tables, choice }} busy=${preview.busy || restore.busy}
      onChange=${(part) => { preview.clear(); restore.clear(); setChoice({ ...choice, ...part }); }}
      onDone=${(given) => { restore.clear(); setChoice(given); preview.order(place, { ...source(given), dry_run: true }); }} />
    <${Order} of=${preview} label=${t("restore.previewing")}>
      ${reports(preview) && html`<${Preview} reports=${reports(preview)} title=${title}>
        <${Confirm} word=${choice.table ?? t("restore.confirm.word")} table=${choice.table && title[choice.table]} busy=${restore.busy}
          onConfirm=${() => restore.order(place, () => exactly(choice, reports(preview)))} />
      <//>`}
    <//>
    <${Order} of=${restore} label=${t("restore.restoring")} />`;
}

/** What the API is told to restore from. */
function source({ table, from, id, moment }) {
  if (from === "newest") return {};
  if (from === "moment") return { as_of: new Date(moment).toISOString() };
  return table === null ? { snapshot: id } : { backup: id };
}

/** What was compared, by its name: what is restored must be that, though a newer one was made meanwhile. */
async function exactly({ table }, [{ backup }]) {
  return table === null ? { snapshot: (await get(`backups/${backup}`)).snapshot } : { backup };
}

function Preview({ reports, title, children }) {
  const removed = reports.reduce((count, report) => count + report.deleted, 0);
  return html`<${Found} title=${t("restore.difference")}>
    <${Differences} reports=${reports} title=${title} caption=${t("restore.difference.caption")} />
    ${reports.some(differs)
      ? html`${removed > 0 && html`<${Notice} kind="warning" title=${t("restore.warning", { count: removed })} />`}${children}`
      : html`<${Notice} kind="good" title=${t("restore.same", { count: reports.length })} />`}
  <//>`;
}

function Confirm({ word, table, busy, onConfirm }) {
  const [typed, setTyped] = useState("");
  const matches = typed.trim() === word;
  const submit = (event) => {
    event.preventDefault();
    if (matches) onConfirm();
  };
  return html`<form class="confirm" onSubmit=${submit}>
    <p>${t("restore.confirm.hint")}</p>
    <${Field} id="confirm"
      label=${table ? t("restore.confirm.table", { word }) : t("restore.confirm.snapshot", { word })}>
      ${(tied) => html`<input ...${tied} class="input mono" autocomplete="off" autocapitalize="off" spellcheck="false" disabled=${busy}
        value=${typed} onInput=${(event) => setTyped(event.currentTarget.value)} />`}
    <//>
    <${Button} kind="danger" type="submit" disabled=${!matches} busy=${busy}>
      ${table ? t("restore.restore.table", { table }) : t("restore.restore.snapshot")}<//>
  </form>`;
}

const Over = ({ reports, title }) => html`<${Found} title=${t("restore.done")}>
  <${Notice} kind="good" title=${t("restore.over", { count: reports.length })} />
  <${Differences} reports=${reports} title=${title} caption=${t("restore.done.caption")} done />
  <div class="actions">
    ${reports.map(({ table }) => html`<${Button} key=${table} icon="table" href=${tableHref(table)}>${title[table]}<//>`)}
    <${Button} icon="metrics" href=${href("/metrics")}>${t("metrics.title")}<//>
  </div>
<//>`;

/** What came of it, which takes the focus. */
function Found({ title, children }) {
  const place = useRef();
  useEffect(() => place.current.focus(), []);
  return html`<div class="found" ref=${place} tabindex="-1" role="group" aria-label=${title}><${Card} title=${title}>${children}<//></div>`;
}

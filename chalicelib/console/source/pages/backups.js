// All backups, newest first, and how to make one.
import { html, useState } from "../lib.js";
import { get, may } from "../api.js";
import { useTables } from "../dictionary.js";
import { useAction, useLoaded } from "../hooks.js";
import { go, href } from "../router.js";
import { ago, bytes, moment, number, t } from "../text.js";
import { Badge, Button, Card, Empty, Loaded, Notice, Page, ProblemNotice, Select } from "../ui.js";
import { Order, useOrder } from "./backups_order.js";

const PAGE = 50;

export function BackupsPage({ query }) {
  const tables = useTables();
  const first = useLoaded((signal) => get("backups", { table: query.table, limit: PAGE }, { signal }), [query.table]);
  const titles = Object.fromEntries((tables.data ?? []).map((table) => [table.name, table.title || table.name]));
  return html`<${Page} title=${t("backups.title")} lead=${t("backups.lead")}
    actions=${may("operate") && html`<${Button} icon="again" href=${href("/backups/restore", { table: query.table })}>${t("backups.restore")}<//>`}>
    ${may("operate") && html`<${Make} titles=${titles} onMade=${first.reload} />`}
    <${Loaded} from=${first} rows=${6}>
      ${(page) => page.backups.length || query.table
        ? html`<div class="filters"><div class="field broad"><label for="backups-table">${t("backups.filter")}</label>
            <${Select} id="backups-table" value=${query.table ?? ""} options=${[["", t("backups.filter.all")], ...Object.entries(titles)]}
              onChange=${(table) => go("/backups", { table }, { replace: true })} /></div></div>
          ${page.backups.length ? html`<${List} key=${page.backups[0].id} page=${page} table=${query.table} titles=${titles} />` : html`<${Nothing} />`}`
        : html`<${Nothing} />`}
    <//>
  <//>`;
}

const Nothing = () => html`<${Empty} icon="backup" title=${t("backups.empty")}>${t("backups.empty.hint")}<//>`;

function Make({ titles, onMade }) {
  const [what, setWhat] = useState("");
  const backup = useOrder(onMade);
  const make = (event) => {
    event.preventDefault();
    backup.order(what ? `tables/${encodeURIComponent(what)}/backups` : "backups");
  };
  return html`<${Card}>
    <form class="filters" onSubmit=${make}>
      <div class="field broad"><label for="backup-what">${t("backups.make.what")}</label>
        <${Select} id="backup-what" value=${what} disabled=${backup.busy} options=${[["", t("backups.make.all")], ...Object.entries(titles)]} onChange=${setWhat} /></div>
      <${Button} kind="primary" icon="backup" type="submit" busy=${backup.busy}>${t("backups.make")}<//>
    </form>
    <${Order} of=${backup} label=${t("backups.making", { what: what ? (titles[what] ?? what) : t("backups.all") })}>
      <${Notice} kind="good" title=${t("backups.made")}>${backup.run && html`<a href=${href(`/runs/${backup.run.id}`)}>${t("order.run")}</a>`}<//>
    <//>
  <//>`;
}

function List({ page, table, titles }) {
  const [more, setMore] = useState([]);
  const last = more.at(-1) ?? page;
  const [older, { busy, error }] = useAction(async () =>
    setMore([...more, await get("backups", { table, limit: PAGE, after: last.next })]));
  const groups = bySnapshot([page, ...more].flatMap((each) => each.backups));
  return html`
    <div class="table-frame" role="region" aria-label=${t("backups.caption")} tabindex="0">
      <table class="backups">
        <caption class="visually-hidden">${t("backups.caption")}</caption>
        <thead><tr>
          <th scope="col">${t("backups.table")}</th>
          <th scope="col">${t("backups.created")}</th>
          <th scope="col" class="numeric wide">${t("backups.rows")}</th>
          <th scope="col" class="numeric wide">${t("backups.size")}</th>
          <th scope="col" class="wide">${t("backups.verified")}</th>
          <th scope="col"><span class="visually-hidden">${t("backups.actions")}</span></th>
        </tr></thead>
        ${groups.map((group) => html`<tbody key=${group[0].snapshot} class=${group.length > 1 ? "snapshot" : null}>
          ${group.length > 1 && html`<${Snapshot} group=${group} />`}
          ${inOrder(group, titles).map((backup) => html`<${Row} key=${backup.id} backup=${backup} titles=${titles} />`)}
        </tbody>`)}
      </table>
    </div>
    ${error && html`<${ProblemNotice} error=${error} />`}
    ${last.next && html`<div class="actions"><${Button} busy=${busy} onClick=${older}>${t("backups.more")}<//></div>`}`;
}

const Snapshot = ({ group }) => html`<tr><th scope="rowgroup" colspan="6"><div class="snapshot-head">
  <span>${t("backups.snapshot", { count: group.length })}</span>
  ${may("operate") && html`<a href=${href("/backups/restore", { snapshot: group[0].snapshot })}>${t("backups.restore.snapshot", { count: group.length })}</a>`}
</div></th></tr>`;

const Row = ({ backup, titles }) => html`<tr>
  <th scope="row"><a href=${href(`/backups/${backup.id}`)}>${titles[backup.table] ?? backup.table}</a>
    ${backup.pinned && html` <${Badge}>${t("backups.pinned")}<//>`}</th>
  <td><${When} iso=${backup.created} /></td>
  <td class="numeric wide">${number(backup.rows)}</td>
  <td class="numeric wide">${bytes(backup.bytes)}</td>
  <td class="wide">${backup.verified ? html`<${Badge} kind="good">${ago(backup.verified)}<//>` : html`<span class="none">${t("backups.verified.never")}</span>`}</td>
  <td class="numeric">${may("operate") && html`<a href=${href("/backups/restore", { table: backup.table, backup: backup.id })}
    aria-label=${t("backups.restore.of", { table: backup.table })}>${t("backups.restore")}</a>`}</td>
</tr>`;

const When = ({ iso }) => html`<time datetime=${iso} title=${ago(iso)}>${moment(iso)}</time>`;

/** The backups of one snapshot stand side by side, for they were made one after the other. */
function bySnapshot(backups) {
  const groups = [];
  for (const backup of backups) {
    if (groups.at(-1)?.[0].snapshot === backup.snapshot) groups.at(-1).push(backup);
    else groups.push([backup]);
  }
  return groups;
}

/** Parents first, as the dictionary has the tables. */
function inOrder(group, titles) {
  const names = Object.keys(titles);
  return [...group].sort((one, other) => names.indexOf(one.table) - names.indexOf(other.table));
}

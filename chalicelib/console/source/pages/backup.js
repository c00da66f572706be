// One backup: its manifest, its files, and whether it is still as it was written.
import { html } from "../lib.js";
import { download, get, may, post } from "../api.js";
import { useAction, useLoaded } from "../hooks.js";
import { href } from "../router.js";
import { ago, bytes, moment, number, t, tOr } from "../text.js";
import { Badge, Button, Card, Loaded, Notice, Page, ProblemNotice, Table } from "../ui.js";
import { Order, useOrder } from "./backups_order.js";
import { tableHref } from "./tables.js";

export function BackupPage({ params }) {
  const path = `backups/${encodeURIComponent(params.backup)}`;
  const loaded = useLoaded((signal) => get(path, {}, { signal }), [path]);
  const backup = loaded.data;
  const verification = useOrder(loaded.reload);
  const [pin, pinning] = useAction(async () => loaded.put({ ...backup, ...(await post(`${path}/${backup.pinned ? "unpin" : "pin"}`)) }));
  return html`<${Page}
    title=${backup ? t("backup.title", { table: backup.table }) : t("backups.title")}
    lead=${backup && html`${moment(backup.created)} · ${ago(backup.created)}`}
    back=${{ href: href("/backups"), label: t("backups.title") }}
    actions=${backup && may("operate") && html`
      <${Button} icon="check" busy=${verification.busy} onClick=${() => verification.order(`${path}/verify`)}>${t("backup.verify")}<//>
      <${Button} busy=${pinning.busy} onClick=${pin}>${t(backup.pinned ? "backup.unpin" : "backup.pin")}<//>
      <${Button} icon="again" href=${href("/backups/restore", { table: backup.table, backup: backup.id })}>${t("backup.restore")}<//>`}
  >
    ${pinning.error && html`<${ProblemNotice} error=${pinning.error} />`}
    <${Order} of=${verification} label=${t("backup.verifying")}><${Notice} kind="good" title=${t("backup.sound")} /><//>
    <${Loaded} from=${loaded} rows=${8}>
      ${(found) => html`<${Facts} backup=${found} /><${Files} backup=${found} path=${path} /><${Manifest} manifest=${found.manifest} />`}
    <//>
  <//>`;
}

function Facts({ backup }) {
  const others = backup.manifest.tables.filter((name) => name !== backup.table);
  return html`<${Card} title=${t("backup.facts")}>
    <dl class="facts">
      <dt>${t("backups.table")}</dt><dd><a href=${tableHref(backup.table)}>${backup.table}</a></dd>
      <dt>${t("backup.rows")}</dt><dd>${number(backup.rows)}</dd>
      <dt>${t("backup.size")}</dt><dd>${bytes(backup.bytes)}</dd>
      <dt>${t("backup.state")}</dt><dd><${Badge} kind=${backup.state === "complete" ? "good" : "warning"}>${tOr(`backup.state.${backup.state}`, backup.state)}<//></dd>
      <dt>${t("backup.verified")}</dt><dd>${backup.verified ? html`${moment(backup.verified)} · ${ago(backup.verified)}` : t("backups.verified.never")}</dd>
      <dt>${t("backup.pinned")}</dt><dd>${t(`backup.pinned.${backup.pinned ? "yes" : "no"}`)}</dd>
      <dt>${t("backup.snapshot")}</dt><dd><span class="mono">${backup.snapshot}</span>
        ${others.length > 0 && html` <span class="hint">${t("backup.snapshot.with", { tables: others.join(", ") })}</span>`}</dd>
    </dl>
  <//>`;
}

function Files({ backup, path }) {
  const { manifest } = backup;
  const files = manifest.files ?? [manifest];
  const [fetchFile, { busy, error }] = useAction((part) =>
    download(`${path}/file`, { query: { part, redirect: "false" }, accept: "application/json" }));
  const label = (part) => (files.length > 1 ? t("backup.download.part", { part, count: files.length }) : null);
  return html`<${Card} title=${t("backup.files")}>
    ${error && html`<${ProblemNotice} error=${error} />`}
    <div class="backup-files"><${Table} caption=${t("backup.files.caption")} id=${(file) => file.file}
      rows=${files.map((file, index) => ({ ...file, part: index + 1 }))} columns=${[
      { key: "download", label: html`<span class="visually-hidden">${t("backup.download")}</span>`,
        cell: (file) => html`<${Button} kind="plain small" icon="download" disabled=${busy} aria-label=${label(file.part)}
          onClick=${() => fetchFile(file.part)}>${t("backup.download")}<//>` },
      { key: "file", label: t("backup.file"),
        cell: ({ file, sha256 }) => html`<span class="mono break">${file}</span><span class="cell-sub mono break">SHA-256 ${sha256}</span>` },
      { key: "rows", label: t("backup.rows"), numeric: true },
      { key: "bytes", label: t("backup.size"), numeric: true, cell: (file) => bytes(file.bytes) },
    ]} /></div>
  <//>`;
}

const Manifest = ({ manifest }) => html`<${Card} title=${t("backup.manifest")}>
  <dl class="facts">
    <dt>${t("backup.manifest.format")}</dt><dd>${manifest.format}</dd>
    <dt>${t("backup.manifest.codec")}</dt><dd>${manifest.codec}</dd>
    <dt>${t("backup.manifest.key")}</dt><dd class="mono">${manifest.key.join(", ")}</dd>
    <dt>SHA-256</dt><dd class="mono">${manifest.sha256}</dd>
    <dt>${t("backup.manifest.content")}</dt><dd class="mono">${manifest.content}</dd>
    <dt>${t("backup.manifest.fingerprint")}</dt><dd class="mono">${manifest.schema_fingerprint}</dd>
    <dt>${t("backup.manifest.dictionary")}</dt><dd class="mono">${manifest.dictionary}</dd>
  </dl>
  <h3>${t("backup.schema")}</h3>
  <${Table} caption=${t("backup.schema.caption")} rows=${manifest.schema.fields} id=${(field) => field.name} columns=${[
    { key: "name", label: t("backup.schema.field"), cell: (field) => html`<span class="mono">${field.name}</span>` },
    { key: "type", label: t("backup.schema.type"), cell: (field) => html`<span class="mono">${avro(field.type)}</span>` },
  ]} />
  <details><summary>${t("backup.raw")}</summary><pre class="mono" tabindex="0">${JSON.stringify(manifest, null, 2)}</pre></details>
<//>`;

/** An Avro type on one line: `["null", {"type": "long", "logicalType": "timestamp-micros"}]` is `null | long (timestamp-micros)`. */
function avro(type) {
  if (Array.isArray(type)) return type.map(avro).join(" | ");
  if (typeof type === "string") return type;
  return type.logicalType ? `${avro(type.type)} (${type.logicalType}${type.precision ? ` ${type.precision}, ${type.scale}` : ""})` : avro(type.type);
}

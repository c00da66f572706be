// One run: how it goes or went, why rows were rejected, and the way to put them right.
import { html, useRef, useState } from "../lib.js";
import { download, get, may, post } from "../api.js";
import { useAction, useLoaded } from "../hooks.js";
import { go, href } from "../router.js";
import { phaseName, runName } from "../runs.js";
import { duration, moment, percent, t, tOr } from "../text.js";
import { ended } from "../uploads.js";
import { Rejections } from "../rejections.js";
import { Bar, Button, Card, Dialog, Loaded, Notice, Page, ProblemNotice, Stat, StateBadge, Table } from "../ui.js";

export function RunPage({ params }) {
  const run = useLoaded((signal) => get(`runs/${params.run}`, {}, { signal }), [params.run], { busy: (seen) => !ended(seen) });
  const seen = run.data;
  return html`<${Page} title=${seen ? runName(seen) : t("run")} back=${{ href: href("/runs"), label: t("runs.title") }}
      lead=${seen && html`<span class="run-lead"><${StateBadge} run=${seen} /> ${tOr(`kind.${seen.kind}`, seen.kind)}${seen.table && ` · ${seen.table}`} · ${moment(seen.created)}</span>`}
      actions=${seen && ended(seen) && seen.source && may("operate") && html`<${Again} run=${seen} />`}>
    <${Loaded} from=${run}>${(data) => html`<${Run} run=${data} />`}<//>
  <//>`;
}

function Run({ run }) {
  const rows = ["load", "batch", "replay"].includes(run.kind);
  return html`
    ${!ended(run) && html`<${UnderWay} run=${run} />`}
    ${run.error && html`<${Notice} kind="bad" title=${tOr(`run.error.${run.state}`, t("run.error.failed"))}>
      <p>${run.error.detail}</p>${run.error.hint && html`<p>${run.error.hint}</p>`}<//>`}
    ${run.note && html`<${Notice}><p>${run.note}</p><//>`}
    ${ended(run) && html`<${Counts} run=${run} />`}
    ${rows && run.rejected > 0 && html`<${Rejected} run=${run} />`}
    <${Details} run=${run} />`;
}

function UnderWay({ run }) {
  const rate = useRate(run);
  const { progress, expected } = run;
  return html`<${Card}><div class="stack" aria-live="polite">
    <h2>${phaseName(run.phase || run.state)}</h2>
    <${Bar} label=${t("run.progress")} share=${expected ? Math.min(1, progress / expected) : null} />
    <dl class="stats">
      <${Stat} label=${t("run.progress")} value=${run.progress ?? 0} />
      <${Stat} label=${t("run.rate")} value=${rate === null ? "–" : t("run.rate.value", { rows: Math.round(rate) })} />
      ${expected > progress && rate > 0 && html`<${Stat} label=${t("run.remaining")} value=${duration((expected - progress) / rate)} />`}
      ${run.started && html`<${Stat} label=${t("run.since")} value=${duration((Date.now() - new Date(run.started)) / 1000)} />`}
    </dl></div><//>`;
}

/** Rows a second, as the steps that were seen show it; null before there are two. */
function useRate({ progress }) {
  const before = useRef(null);
  const rate = useRef(null);
  const now = Date.now();
  if (before.current === null || progress !== before.current.progress) {
    if (before.current && progress > before.current.progress) {
      rate.current = ((progress - before.current.progress) * 1000) / (now - before.current.now);
    }
    before.current = { progress, now };
  }
  return rate.current;
}

const Counts = ({ run }) => html`<dl class="stats">
  ${["read", "inserted", "updated", "unchanged"].filter((name) => run[name] || name === "read" || name === "inserted").map((name) =>
    html`<${Stat} key=${name} label=${t(`run.${name}`)} value=${run[name]} />`)}
  <${Stat} label=${t("run.rejected")} value=${run.rejected} kind=${run.rejected ? "bad" : ""} />
  <${Stat} label=${t("run.took")} value=${duration(run.seconds)} />
  ${run.seconds > 0 && run.read > 0 && html`<${Stat} label=${t("run.rate")} value=${t("run.rate.value", { rows: Math.round(run.read / run.seconds) })} />`}
</dl>`;

function Rejected({ run }) {
  const reasons = useLoaded((signal) => get(`runs/${run.id}/reasons`, {}, { signal }), [run.id]);
  return html`
    <${Card} title=${t("reasons.title")} actions=${html`<${Downloads} run=${run} />`}>
      <${Loaded} from=${reasons} rows=${2}>${(data) => html`<${Reasons} reasons=${data.reasons} rejected=${run.rejected} byTable=${run.table === null} />`}<//>
    <//>
    <${Rejections} run=${run} />`;
}

const Reasons = ({ reasons, rejected, byTable }) => html`<${Table} caption=${t("reasons.title")} rows=${reasons}
  id=${(each) => `${each.table} ${each.column} ${each.code}`} columns=${[
    { key: "code", label: t("reason"), cell: (each) => html`${tOr(`code.${each.code}`, each.code)}
      <span class="cell-sub">${[byTable && each.table, each.column && html`<code>${each.column}</code>`].filter(Boolean)}</span>` },
    { key: "rows", label: t("reason.rows"), numeric: true },
    { key: "share", label: t("reason.share"), wide: true, cell: (each) => html`<div class="reason-share"><${Bar} kind="bad" share=${Math.min(each.rows / rejected, 1)} label=${tOr(`code.${each.code}`, each.code)} /><span>${percent(each.rows / rejected)}</span></div>` },
  ]} />`;

function Downloads({ run }) {
  const ask = (format) => download(`runs/${run.id}/rejections`, { query: { format, redirect: "false" }, accept: "application/json" });
  const [xlsx, workbook] = useAction(() => ask("xlsx"));
  const [csv, text] = useAction(() => ask("csv"));
  return html`<${Button} icon="download" busy=${workbook.busy} onClick=${xlsx}>${t("download.xlsx")}<//>
    <${Button} icon="download" busy=${text.busy} onClick=${csv}>${t("download.csv")}<//>
    <${ProblemNotice} error=${workbook.error ?? text.error} />`;
}

function Again({ run }) {
  const [asked, setAsked] = useState(false);
  const [again, { busy, error }] = useAction(async () => {
    const made = await post(`runs/${run.id}/replay`);
    go(`/runs/${made.id}`);
  });
  return html`<${Button} icon="again" onClick=${() => setAsked(true)}>${t("run.again")}<//>
    ${asked && html`<${Dialog} title=${t("run.again.title")} onClose=${() => setAsked(false)} actions=${html`
        <${Button} onClick=${() => setAsked(false)}>${t("cancel")}<//>
        <${Button} kind="primary" busy=${busy} onClick=${again}>${t("run.again")}<//>`}>
      <p>${t("run.again.text", { file: runName(run) })}</p><${ProblemNotice} error=${error} /><//>`}`;
}

function Details({ run }) {
  const other = run.result?.corrects ?? run.result?.replays;
  const facts = [
    ["run.id", html`<code>${run.id}</code>`],
    other && ["run.of", html`<a href=${href(`/runs/${other}`)}><code>${other}</code></a>`],
    run.source && ["run.source", html`<code>${run.source.key}</code>`],
    run.source?.version && ["run.version", html`<code>${run.source.version}</code>`],
    ["run.started", moment(run.started)],
    ["run.ended", moment(run.ended)],
    run.dictionary && ["run.dictionary", html`<code>${run.dictionary.slice(0, 12)}</code>`],
  ].filter(Boolean);
  return html`<${Card} title=${t("run.details")}><dl class="facts">${facts.map(([key, value]) => html`<dt key=${key}>${t(key)}</dt><dd>${value}</dd>`)}</dl><//>`;
}

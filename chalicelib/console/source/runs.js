// Runs as they are shown: their names, what came of them, lists of them.
import { html } from "./lib.js";
import { ago, duration, moment, number, t, tOr } from "./text.js";
import { href } from "./router.js";
import { StateBadge, Table } from "./ui.js";

/** What people call a run: its file, or what it did. */
export function runName(run) {
  const file = run.source?.key.split("/").pop();
  return file || kindName(run);
}

const kindName = (run) => tOr(`kind.${run.kind}`, run.kind);

/** What a run is doing, in words. */
export function phaseName(phase) {
  const [word, rest] = /^(backup|check|stage|waiting:) (.*)$/s.exec(phase)?.slice(1) ?? [phase, ""];
  return rest ? `${tOr(`phase.${word.replace(":", "")}`, word)} ${rest}` : tOr(`phase.${phase}`, phase);
}

/** Runs in a table, newest first. */
export const RunTable = ({ runs, caption }) => html`<${Table} caption=${caption} rows=${runs} id=${(run) => run.id} columns=${[
  { key: "name", label: t("run"), cell: (run) => html`<a class="break" href=${href(`/runs/${run.id}`)}>${runName(run)}</a>
    <span class="cell-sub">${[runName(run) !== kindName(run) && kindName(run), run.table].filter(Boolean).join(" · ")}</span>` },
  { key: "state", label: t("run.state"), cell: (run) => html`<${StateBadge} run=${run} />
    ${run.state === "running" || run.state === "waiting" ? html`<span class="cell-sub">${phaseName(run.phase)}${run.progress ? ` · ${t("rows", { count: run.progress })}` : ""}</span>` : null}` },
  { key: "read", label: t("run.read"), numeric: true, wide: true },
  { key: "inserted", label: t("run.inserted"), numeric: true, wide: true },
  { key: "rejected", label: t("run.rejected"), numeric: true, wide: true, cell: (run) => run.rejected ? html`<strong class="bad-text">${number(run.rejected)}</strong>` : number(run.rejected) },
  { key: "created", label: t("run.when"), wide: true, cell: (run) => html`<time class="nowrap" datetime=${run.created} title=${moment(run.created)}>${ago(run.created)}</time>` },
  { key: "seconds", label: t("run.took"), numeric: true, wide: true, cell: (run) => duration(run.seconds) },
]} />`;

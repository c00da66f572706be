// Where a migration begins: files are dropped here, sent, and followed until they are loaded.
import { html, useEffect, useRef, useState } from "../lib.js";
import { get, may } from "../api.js";
import { useTables } from "../dictionary.js";
import { useLoaded } from "../hooks.js";
import { guessTable } from "../naming.js";
import { href } from "../router.js";
import { phaseName, RunTable } from "../runs.js";
import { bytes, duration, percent, t } from "../text.js";
import { addFiles, chooseTable, clearEnded, ended, removeFile, retry, startUploads, useUploads } from "../uploads.js";
import { announce, Bar, Button, Card, Empty, Field, Icon, Loaded, Notice, Page, ProblemNotice, Select, StateBadge } from "../ui.js";

export function UploadPage() {
  const tables = useTables();
  const names = tables.data?.map((table) => table.name) ?? null;
  return html`<${Page} title=${t("upload.title")} lead=${t("upload.lead")}>
    ${may("write") ? html`<${Uploads} tables=${names} />`
      : html`<${Notice} title=${t("upload.forbidden")}><p>${t("upload.forbidden.text")}</p><//>`}
    ${tables.error && html`<${ProblemNotice} error=${tables.error} retry=${tables.reload} />`}
    ${may("read") && html`<${Recent} />`}
  <//>`;
}

function Uploads({ tables }) {
  const files = useUploads();
  const [onConflict, setOnConflict] = useState("reject");
  const [most, setMost] = useState("");
  const chosen = files.filter(({ state }) => state === "chosen");
  const unclear = chosen.filter((each) => each.wrong || !(each.table || tables === null || guessTable(each.file.name, tables)));
  const over = files.filter(({ state }) => state === "over").length;
  useTelling(files);

  const share = most.trim() === "" ? null : Number(most.replace(",", ".")) / 100;
  const wrongShare = share !== null && !(share >= 0 && share <= 1);
  const start = () => startUploads({ on_conflict: onConflict, ...(share === null ? {} : { max_rejected: String(share) }) });

  return html`<${Card}>
    <${Drop} small=${files.length > 0} />
    ${files.length > 0 && html`<ul class="files">${files.map((each) => html`<${FileLine} key=${each.id} upload=${each} tables=${tables} />`)}</ul>`}
    ${chosen.length > 0 && html`<div class="filters">
      <${Field} id="on-conflict" label=${t("upload.onConflict")}>${(tied) => html`<${Select} ...${tied} value=${onConflict} onChange=${setOnConflict}
        options=${["reject", "skip", "update"].map((each) => [each, t(`onConflict.${each}`)])} />`}<//>
      <${Field} id="max-rejected" label=${t("upload.most")} error=${wrongShare && t("upload.most.wrong")}>${(tied) => html`<input ...${tied} class="input" inputmode="decimal"
        placeholder=${t("upload.most.none")} value=${most} onInput=${(event) => setMost(event.currentTarget.value)} />`}<//>
      <${Button} kind="primary" icon="upload" disabled=${unclear.length > 0 || wrongShare} onClick=${start}>${t("upload.start", { count: chosen.length })}<//>
    </div>
    ${unclear.length > 0 && html`<p class="hint">${t("upload.unclear")}</p>`}`}
    ${over > 1 && over === files.length && html`<div class="actions"><${Button} onClick=${clearEnded}>${t("upload.clear")}<//></div>`}
  <//>`;
}

/** Tell a screen reader when a file is done. */
function useTelling(files) {
  const told = useRef(new Set());
  useEffect(() => {
    for (const { id, state, file, run, error } of files) {
      if (state !== "over" || told.current.has(id)) continue;
      told.current.add(id);
      announce(error || !run ? t("upload.failed.told", { file: file.name })
        : t("upload.done.told", { file: file.name, inserted: run.inserted ?? 0, rejected: run.rejected ?? 0 }));
    }
  }, [files]);
}

function Drop({ small }) {
  const field = useRef();
  const [over, setOver] = useState(false);
  const take = (given) => {
    addFiles(given);
    announce(t("upload.chosen.told", { count: given.length }));
  };
  // A file that misses the frame must not replace the console in its tab.
  useEffect(() => {
    const stay = (event) => event.preventDefault();
    window.addEventListener("dragover", stay);
    window.addEventListener("drop", stay);
    return () => { window.removeEventListener("dragover", stay); window.removeEventListener("drop", stay); };
  }, []);
  return html`<div class="drop ${over ? "over" : ""} ${small ? "small" : ""}"
      onDragEnter=${() => setOver(true)} onDragOver=${(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave=${(event) => { if (!event.currentTarget.contains(event.relatedTarget)) setOver(false); }}
      onDrop=${(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files); }}>
    <${Icon} name="upload" />
    <div class="drop-text"><p class="drop-title">${t("upload.drop")}</p><p class="hint">${t("upload.drop.hint")}</p></div>
    <${Button} kind=${small ? "plain" : "primary"} onClick=${() => field.current.click()}>${t(small ? "upload.more" : "upload.choose")}<//>
    <input ref=${field} class="visually-hidden" type="file" multiple accept=".csv,.xlsx" tabindex="-1" aria-label=${t("upload.choose")}
      onChange=${(event) => { take(event.currentTarget.files); event.currentTarget.value = ""; }} />
  </div>`;
}

function FileLine({ upload, tables }) {
  const { id, file, table, state, share, since, run, error, wrong } = upload;
  const guessed = guessTable(file.name, tables ?? []);
  return html`<li class="file">
    <${Icon} name="file" />
    <div class="file-name"><span class="break">${file.name}</span>
      <span class="cell-sub">${bytes(file.size)}${state !== "chosen" && (table || guessed) ? ` · ${table || guessed}` : ""}</span></div>
    ${state === "chosen" ? html`<div class="file-choice">
        ${wrong ? html`<p class="field-error">${t("upload.wrong")}</p>` : html`<${Select} aria-label=${t("upload.table.of", { file: file.name })} value=${table}
          aria-invalid=${tables && !table && !guessed ? "true" : null} onChange=${(name) => chooseTable(id, name)}
          options=${[["", guessed ? t("upload.table.guessed", { table: guessed }) : t("upload.table.choose")], ...(tables ?? []).map((name) => [name, name])]} />`}
        <${Button} kind="quiet" icon="cross" aria-label=${t("upload.remove", { file: file.name })} onClick=${() => removeFile(id)} />
      </div>`
    : html`<div class="file-state"><${FileState} ...${{ id, state, share, since, run, error, name: file.name }} /></div>`}
  </li>`;
}

function FileState({ id, state, share, since, run, error, name }) {
  // A second is too short to judge by.
  const passed = (Date.now() - since) / 1000;
  const left = state === "sending" && passed > 1 && share > 0 && share < 1 ? (passed * (1 - share)) / share : null;
  if (error) return html`<${ProblemNotice} error=${error} retry=${() => retry(id)} title=${t("upload.failed")} />`;
  if (state === "queued") return html`<span class="hint">${t("upload.queued")}</span>`;
  if (state === "sending") return html`<${Bar} share=${share} label=${t("upload.sending.of", { file: name })} /><span class="cell-sub">${t("upload.sending", { share: percent(share) })}${left === null ? "" : ` · ${t("upload.left", { time: duration(left) })}`}</span>`;
  const link = html`<a href=${href(`/runs/${run.id}`)}>${t("run.open")}<span class="visually-hidden"> ${name}</span></a>`;
  if (!ended(run)) return html`<${Bar} label=${t("upload.loading.of", { file: name })} /><span class="cell-sub">${phaseName(run.phase || run.state)}${run.progress ? ` · ${t("rows", { count: run.progress })}` : ""} · ${link}</span>`;
  return html`<div class="file-end"><${StateBadge} run=${run} />
    <span>${run.state === "succeeded" ? t("upload.counts", { inserted: (run.inserted ?? 0) + (run.updated ?? 0), rejected: run.rejected ?? 0 }) : run.error?.detail ?? run.note}</span>
    ${run.rejected > 0 && run.state === "succeeded" ? html`<${Button} href=${href(`/runs/${run.id}`)}>${t("upload.fix", { count: run.rejected })}<span class="visually-hidden"> ${name}</span><//>` : link}</div>`;
}

function Recent() {
  const uploads = useUploads();
  const over = uploads.filter(({ state }) => state === "over").length;
  const runs = useLoaded((signal) => get("runs", { limit: 5 }, { signal }), [over], { busy: (data) => data.runs.some((run) => !ended(run)) });
  return html`<${Card} title=${t("recent")} actions=${html`<a href="#/runs">${t("recent.all")}</a>`}>
    <${Loaded} from=${runs}>${(data) => data.runs.length
      ? html`<${RunTable} runs=${data.runs} caption=${t("recent")} />`
      : html`<${Empty} icon="runs" title=${t("runs.none")}>${t("runs.none.text")}<//>`}<//>
  <//>`;
}

// The grid of rejected rows: cells are corrected in place, and sent.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState, useStore } from "./lib.js";
import { get, may } from "./api.js";
import { choose, correctionsOf, discard, edit, key, send, waiting } from "./corrections.js";
import { useTables } from "./dictionary.js";
import { useAction, useLoaded } from "./hooks.js";
import { href } from "./router.js";
import { t } from "./text.js";
import { announce, Badge, Button, Card, Loaded, Notice, Pager, ProblemNotice, Select } from "./ui.js";

const LIMIT = 50;

export function Rejections({ run }) {
  const corrections = correctionsOf(run.id);
  const all = useStore(corrections);
  const [trail, setTrail] = useState([]);
  const after = trail.at(-1);
  const page = useLoaded((signal) => get(`runs/${run.id}/rejections`, { limit: LIMIT, after }, { signal }), [run.id, after]);
  const tables = useTables();
  const mayCorrect = may("operate");
  return html`<${Card} title=${t("grid.title")} class="grid-card">
    <p class="hint">${mayCorrect ? t("grid.help") : t("grid.forbidden")}</p>
    <${Loaded} from=${tables.data ? page : tables} rows=${6}>${() => page.data && html`
      ${groups(page.data.rejections, tables.data).map(({ table, rows, columns }) => html`<${Grid} key=${`${table} ${after}`}
        table=${table} rows=${rows} columns=${columns} corrections=${corrections} all=${all} editable=${mayCorrect} named=${run.table === null} />`)}
      ${(after || page.data.next) && html`<${Pager} back=${after && (() => setTrail(trail.slice(0, -1)))} on=${page.data.next && (() => setTrail([...trail, page.data.next]))}>
        ${t("page", { number: trail.length + 1 })}<//>`}`}<//>
    ${mayCorrect && html`<${SendBar} run=${run} corrections=${corrections} all=${all} />`}
  <//>`;
}

/** The rejected rows by table, each with its columns in the dictionary's order; what a file had besides comes last. */
function groups(rejections, tables) {
  const rows = Map.groupBy?.(rejections, ({ table }) => table) ?? grouped(rejections);
  return [...rows].map(([table, found]) => {
    const known = tables.find(({ name }) => name === table)?.columns ?? [];
    const names = new Set(found.flatMap(({ cells }) => Object.keys(cells)));
    const extra = [...names].filter((name) => !known.some((column) => column.name === name));
    return { table, rows: found, columns: [...known, ...extra.map((name) => ({ name, extra: known.length > 0 }))] };
  });
}

function grouped(rejections) {
  const rows = new Map();
  for (const each of rejections) rows.set(each.table, [...(rows.get(each.table) ?? []), each]);
  return rows;
}

function Grid({ table, rows, columns, corrections, all, editable, named }) {
  // Who comes to the grid comes to the first cell that is wrong.
  const [at, setAt] = useState(() => ({ row: 0, column: Math.max(columns.findIndex(({ name }) => rows[0].reasons.some((reason) => reason.column === name)), 0) }));
  const [draft, drawDraft] = useState(null);
  const written = useRef(null);
  const frame = useRef();
  const wanted = useRef(false);
  // What is written now, for the blur that comes when a field is taken away, before the next drawing.
  const setDraft = (text) => {
    written.current = text;
    drawDraft(text);
  };
  const open = (row) => editable && !row.corrected_by && all[key(row)]?.state !== "in";

  // The cell that the reader came to takes the focus, when they came by a key.
  useLayoutEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    const cell = frame.current.querySelector(`[data-at="${at.row}-${at.column}"]`);
    (cell?.querySelector("input") ?? cell)?.focus();
  });

  const reach = (row, column) => {
    wanted.current = true;
    setAt({ row: Math.max(0, Math.min(row, rows.length - 1)), column: Math.max(0, Math.min(column, columns.length - 1)) });
  };
  const begin = (text) => {
    const row = rows[at.row];
    const column = columns[at.column];
    if (!open(row) || column.extra) return;
    wanted.current = true;
    setDraft(text ?? shownText(row, column.name, all));
  };
  const commit = () => {
    if (written.current !== null) edit(corrections, rows[at.row], columns[at.column].name, written.current.trim());
    setDraft(null);
  };
  const cancel = () => {
    setDraft(null);
    reach(at.row, at.column);
  };

  function onKeyDown(event) {
    if (!event.target.closest("[data-at]") || event.isComposing) return;
    const { row, column } = at;
    const steps = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? rows.length - 1 : row, columns.length - 1] };
    if (draft !== null) {
      if (event.key === "Enter") { commit(); reach(row + (event.shiftKey ? -1 : 1), column); }
      else if (event.key === "Escape") cancel();
      else if (event.key === "Tab") {
        const step = row * columns.length + column + (event.shiftKey ? -1 : 1);
        commit();
        if (step < 0 || step >= rows.length * columns.length) return;
        reach(Math.floor(step / columns.length), step % columns.length);
      } else return;
    } else if (steps[event.key]) reach(...steps[event.key]);
    else if (event.key === "Enter" || event.key === "F2") begin();
    else if ((event.key === "Delete" || event.key === "Backspace") && open(rows[row]) && !columns[column].extra) edit(corrections, rows[row], columns[column].name, "");
    else if (event.key === "Escape" && open(rows[row])) edit(corrections, rows[row], columns[column].name, rows[row].cells[columns[column].name] ?? "");
    else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) begin(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return html`${named && html`<h3>${table}</h3>`}
    <div class="table-frame" ref=${frame}>
    <table class="grid" role="grid" aria-label=${t("grid.of", { table })} aria-rowcount=${rows.length + 1} onKeyDown=${onKeyDown}>
      <thead><tr role="row"><th role="columnheader" scope="col" class="grid-row-head">${t("grid.row")}</th>
        ${columns.map((column) => html`<th key=${column.name} role="columnheader" scope="col">${column.name}
          <span class="cell-sub">${column.extra ? t("grid.extra") : column.type ? `${column.type}${column.required ? ` · ${t("grid.required")}` : ""}` : ""}</span></th>`)}</tr></thead>
      <tbody>${rows.map((row, index) => html`<${GridRow} key=${row.row} ...${{ row, index, columns, corrections, open: open(row), correction: all[key(row)] }}
        at=${at.row === index ? at.column : null} tab=${at.row === index} draft=${at.row === index ? draft : null}
        onDraft=${setDraft} onCommit=${commit}
        onReach=${(column) => { if (draft !== null && (at.row !== index || at.column !== column)) commit(); setAt({ row: index, column }); }}
        onBegin=${(column) => { setAt({ row: index, column }); if (open(row) && !columns[column].extra && draft === null) { wanted.current = true; setDraft(shownText(row, columns[column].name, all)); } }} />`)}</tbody>
    </table></div>`;
}

const shownText = (row, column, all) => all[key(row)]?.cells[column] ?? row.cells[column] ?? "";

function GridRow({ row, index, columns, corrections, open, correction, at, draft, onDraft, onCommit, onReach, onBegin }) {
  const reasons = correction?.reasons ?? row.reasons;
  const by = row.corrected_by ?? (correction?.state === "in" ? correction.run : null);
  const of = (column) => reasons.filter((reason) => reason.column === column);
  const changed = Object.keys(correction?.cells ?? {}).length > 0;
  const others = reasons.filter((reason) => !columns.some(({ name }) => name === reason.column));
  return html`<tr role="row" class=${by ? "row-in" : correction?.state === "bad" ? "row-bad" : null}>
    <th role="rowheader" scope="row" class="grid-row-head">
      <label class="grid-choice">${open && html`<input type="checkbox" checked=${changed || correction?.send} disabled=${changed} onChange=${(event) => choose(corrections, row, event.currentTarget.checked)} />`}
        <span>${row.row}<span class="visually-hidden"> ${t("grid.choose")}</span></span></label>
      ${row.line !== null && row.line !== row.row && html`<span class="cell-sub">${t("grid.line", { line: row.line })}</span>`}
      ${by ? html`<a href=${href(`/runs/${by}`)}><${Badge} kind="good">${t("grid.in")}<//></a>` : correction?.state === "bad" && html`<${Badge} kind="bad">${t("grid.bad")}<//>`}
      ${!by && others.map((reason) => html`<span class="why" key=${reason.message}>${reason.message}</span>`)}
    </th>
    ${columns.map((column, number) => html`<${Cell} key=${column.name} ...${{ column, row, open: open && !column.extra, index, number }}
      edited=${correction?.cells[column.name]} resent=${correction?.state === "bad"} reasons=${by ? [] : of(column.name)} active=${at === number}
      reachable=${at === number} draft=${at === number ? draft : null} onDraft=${onDraft} onCommit=${onCommit}
      onReach=${() => onReach(number)} onBegin=${() => onBegin(number)} />`)}
  </tr>`;
}

function Cell({ column, row, open, index, number: place, edited, resent, reasons, active, draft, onDraft, onCommit, onReach, onBegin }) {
  // The first click or tap takes a cell, the second opens it.
  const was = useRef(false);
  const before = row.cells[column.name] ?? null;
  const value = edited ?? before;
  // A reason is about the cell as it was sent; a newer text waits for its own.
  const stale = edited !== undefined && !resent;
  const wrong = reasons.length > 0 && !stale;
  const classes = [wrong && "wrong", edited !== undefined && "edited", column.extra && "extra", open && "open"].filter(Boolean).join(" ");
  return html`<td role="gridcell" data-at="${index}-${place}" data-label=${column.name} class=${classes} tabindex=${active ? 0 : -1} aria-readonly=${open ? null : "true"}
      aria-invalid=${wrong ? "true" : null} onFocus=${onReach} onDblClick=${onBegin}
      onMouseDown=${(event) => { was.current = document.activeElement === event.currentTarget; }} onClick=${() => { if (open && was.current && draft === null) onBegin(); }}>
    ${draft !== null ? html`<input class="cell-input" aria-label=${column.name} value=${draft} onInput=${(event) => onDraft(event.currentTarget.value)} onBlur=${onCommit}
        autocomplete="off" spellcheck="false" />`
    : html`<span class="cell-value">${value === null || value === "" ? html`<span class="none">${t("grid.blank")}</span>` : value}</span>
      ${edited !== undefined && html`<span class="cell-before"><span class="visually-hidden">${t("grid.before")} </span><s>${before ?? t("grid.blank")}</s></span>`}
      ${!stale && reasons.map((reason) => html`<span class="why" key=${reason.message}>${reason.message}</span>`)}`}
  </td>`;
}

function SendBar({ run, corrections, all }) {
  const [onConflict, setOnConflict] = useState("reject");
  const [answer, setAnswer] = useState(null);
  const [go, { busy, error, clear }] = useAction(async () => {
    const told = await send(run, corrections, onConflict);
    // It is shown until the next change.
    setAnswer({ ...told, all: corrections.get() });
    announce(outcome(told));
  });
  const rows = useMemo(() => waiting(all).length, [all]);
  useEffect(() => { if (rows > 0 && error) clear(); }, [all]);
  return html`<div class="send-dock">
    ${answer?.all === all && html`<${Notice} kind=${answer.rejected ? "warning" : "good"} title=${outcome(answer)}
      actions=${html`<a href=${href(`/runs/${answer.run}`)}>${t("run.open")}</a>`}>${answer.rejected > 0 && html`<p>${t("grid.kept")}</p>`}<//>`}
    <${ProblemNotice} error=${error} />
    ${rows > 0 && html`<div class="send-bar">
      <span class="send-text">${t("grid.changed", { count: rows })}</span>
      <label class="send-option"><span>${t("upload.onConflict")}</span><${Select} value=${onConflict} onChange=${setOnConflict}
        options=${["reject", "skip", "update"].map((each) => [each, t(`onConflict.${each}`)])} /></label>
      <div class="actions"><${Button} kind="quiet" disabled=${busy} onClick=${() => discard(corrections)}>${t("grid.discard")}<//>
        <${Button} kind="primary" icon="upload" busy=${busy} onClick=${go}>${t("grid.send", { count: rows })}<//></div>
    </div>`}</div>`;
}

const outcome = ({ read, rejected }) =>
  rejected === 0 ? t("grid.all", { count: read }) : t("grid.some", { good: read - rejected, bad: rejected });

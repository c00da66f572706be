// The parts that pages are made of.
import { html, store, useEffect, useRef, useStore } from "./lib.js";
import { Problem } from "./api.js";
import { number, t, tOr } from "./text.js";

const ICONS = {
  upload: "M12 15V4m0 0L8 8m4-4 4 4M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",
  download: "M12 4v11m0 0 4-4m-4 4-4-4M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",
  runs: "M4 6h16M4 12h10M4 18h7m6-3 3 3-3 3",
  table: "M4 5h16v14H4zM4 10h16M10 10v9",
  backup: "M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3Zm0 0v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  metrics: "M5 20V10m7 10V4m7 16v-7",
  health: "M3 12h4l2.5-6 4 12 2.5-6h5",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  warning: "M12 9v4m0 3.5v.1M12 3.5 2.5 20h19z",
  info: "M12 11v5m0-8.5v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  clock: "M12 7v5l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  again: "M4 12a8 8 0 0 1 14-5.3L20 9m0-5v5h-5M20 12a8 8 0 0 1-14 5.3L4 15m0 5v-5h5",
  left: "m14.5 6-6 6 6 6",
  right: "m9.5 6 6 6-6 6",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  leave: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4m-4-4h10",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4",
  search: "m20 20-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0Z",
};

/** A small picture beside words; it says nothing to a screen reader. */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${ICONS[name]} /></svg>`;

/** The frame of a page: its heading, which takes the focus when the reader comes, what may be done, and the content. */
export function Page({ title, lead, actions, back, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${title} · Decant`;
  }, [title]);
  useEffect(() => {
    window.scrollTo(0, 0);
    heading.current.focus({ preventScroll: true });
  }, []);
  return html`<div class="page">
    ${back && html`<a class="back" href=${back.href}><${Icon} name="left" />${back.label}</a>`}
    <header class="page-head">
      <div><h1 tabindex="-1" ref=${heading}>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

/** A part of a page under a heading of its own. */
export const Card = ({ title, actions, children, class: more = "" }) => html`
  <section class="card ${more}">
    ${(title || actions) && html`<header class="card-head">${title && html`<h2>${title}</h2>`}
      ${actions && html`<div class="actions">${actions}</div>`}</header>`}
    ${children}
  </section>`;

/**
 * A button, or with `href` a link that looks like one. `kind`: "primary", "plain" (the usual), "quiet" or "danger". A
 * `busy` one turns and does nothing, but keeps the focus.
 */
export function Button({ kind = "plain", icon, busy = false, disabled = false, href, children, onClick, type = "button", ...rest }) {
  const inside = html`${busy ? html`<span class="spinner" aria-hidden="true"></span>` : icon && html`<${Icon} name=${icon} />`}
    ${children && html`<span>${children}</span>`}`;
  if (href) return html`<a class="button ${kind}" href=${href} ...${rest}>${inside}</a>`;
  return html`<button type=${type} class="button ${kind}" disabled=${disabled} aria-disabled=${busy ? "true" : null}
    onClick=${(event) => (busy ? event.preventDefault() : onClick?.(event))} ...${rest}>${inside}</button>`;
}

/** A label with its field, a hint and an error. `children` is given the attributes that tie the field to them. */
export function Field({ id, label, hint, error, children }) {
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": described || null, "aria-invalid": error ? "true" : null })}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${error && html`<p class="field-error" id="${id}-error">${error}</p>`}
  </div>`;
}

/** A choice of a few: `options` are `[value, label]`. */
export const Select = ({ options, value, onChange, ...rest }) => html`
  <select class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)} ...${rest}>
    ${options.map(([key, label]) => html`<option key=${key} value=${key} selected=${key === value}>${label}</option>`)}
  </select>`;

const SIGNS = { good: "check", bad: "cross", warning: "warning", info: "info", waiting: "clock" };

/** Something to know: `kind` "info", "good", "warning" or "bad". */
export const Notice = ({ kind = "info", title, children, actions }) => html`
  <div class="notice ${kind}" role=${kind === "bad" ? "alert" : null}>
    <${Icon} name=${SIGNS[kind]} />
    <div class="notice-text">${title && html`<p class="notice-title">${title}</p>`}${children}</div>
    ${actions && html`<div class="actions">${actions}</div>`}
  </div>`;

/** What went wrong, in words for people, and what to do; `retry` does it again. */
export function ProblemNotice({ error, retry, title }) {
  if (!error) return null;
  const known = error instanceof Problem;
  const heading = title ?? (known ? tOr(`problem.${error.status}`, error.title ?? t("problem.other")) : t("problem.other"));
  const detail = known && error.status ? error.detail : known ? t("problem.0.detail") : t("problem.other.detail");
  return html`<${Notice} kind="bad" title=${heading}
    actions=${retry && html`<${Button} icon="again" onClick=${retry}>${t("again")}<//>`}>
    ${detail && html`<p>${detail}</p>`}
  <//>`;
}

/** Where there is nothing yet: why, and what to do. */
export const Empty = ({ icon = "file", title, children, action }) => html`
  <div class="empty"><${Icon} name=${icon} /><p class="empty-title">${title}</p>
    ${children && html`<p>${children}</p>`}${action}</div>`;

/** Where something will be in a moment. */
export const Loading = ({ rows = 4 }) => html`
  <div class="loading" role="status"><span class="visually-hidden">${t("loading")}</span>
    ${Array.from({ length: rows }, (_, index) => html`<div key=${index} class="skeleton" aria-hidden="true"></div>`)}</div>`;

/** What `useLoaded` gave, or that it is on its way or went wrong; `children(data)` draws it. */
export function Loaded({ from, rows, children }) {
  if (from.data === null && from.error) return html`<${ProblemNotice} error=${from.error} retry=${from.reload} />`;
  if (from.data === null) return html`<${Loading} rows=${rows} />`;
  return html`${from.error && html`<${ProblemNotice} error=${from.error} retry=${from.reload} />`}${children(from.data)}`;
}

/** A word with a meaning: `kind` "good", "bad", "warning", "info", "waiting" or "plain". */
export const Badge = ({ kind = "plain", children }) => html`
  <span class="badge ${kind}">${SIGNS[kind] && html`<${Icon} name=${SIGNS[kind]} />`}<span>${children}</span></span>`;

const STATES = { queued: "waiting", waiting: "waiting", running: "info", succeeded: "good", failed: "bad", refused: "bad", duplicate: "plain" };

/** The state of a run. One that succeeded with rejected rows is told apart. */
export function StateBadge({ run }) {
  if (run.state === "succeeded" && run.rejected > 0) return html`<${Badge} kind="warning">${t("state.partly", { count: run.rejected })}<//>`;
  return html`<${Badge} kind=${STATES[run.state] ?? "plain"}>${tOr(`state.${run.state}`, run.state)}<//>`;
}

/**
 * A table: `columns` are `{ key, label, numeric, wide, cell(row) }` (a wide one is left out on a phone), `rows` objects, `id(row)` tells them apart. It scrolls in
 * a frame of its own, which `caption` names. `row(row)` gives attributes of a row.
 */
export const Table = ({ caption, columns, rows, id = (_, index) => index, row = () => ({}) }) => html`
  <div class="table-frame" role="region" aria-label=${caption} tabindex="0">
    <table>
      <caption class="visually-hidden">${caption}</caption>
      <thead><tr>${columns.map((each) => html`<th key=${each.key} scope="col" class=${kinds(each)}>${each.label}</th>`)}</tr></thead>
      <tbody>${rows.map((item, index) => html`<tr key=${id(item, index)} ...${row(item)}>
        ${columns.map((each) => html`<td key=${each.key} class=${kinds(each)}>${each.cell ? each.cell(item) : shown(item[each.key])}</td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`;

const kinds = ({ numeric, wide }) => [numeric && "numeric", wide && "wide"].filter(Boolean).join(" ") || null;

const shown = (value) =>
  value === null || value === undefined ? html`<span class="none">–</span>` : typeof value === "number" ? number(value) : String(value);

/** Steps through pages: what leads back and on; null where there is nothing. */
export const Pager = ({ back, on, children }) => html`
  <nav class="pager" aria-label=${t("pager")}>
    <${Button} icon="left" disabled=${!back} onClick=${back}>${t("pager.back")}<//>
    <span class="pager-text">${children}</span>
    <${Button} disabled=${!on} onClick=${on}>${t("pager.on")}<//>
  </nav>`;

/** A dialog, open as long as it is drawn. The browser keeps the focus in it and gives it back. `onClose()` ends it. */
export function Dialog({ title, onClose, children, actions }) {
  const dialog = useRef();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      before?.focus?.();
    };
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <h2 id="dialog-title">${title}</h2>
    <div class="dialog-body">${children}</div>
    <div class="actions">${actions}</div>
  </dialog>`;
}

/** How far something is: `share` of one, or null while nobody knows. `label` says of what. */
export const Bar = ({ share = null, label, kind = "" }) => html`
  <progress class="bar ${kind}" max="1" value=${share} aria-label=${label}></progress>`;

/** A figure with its name. */
export const Stat = ({ label, value, kind = "" }) => html`
  <div class="stat ${kind}"><dt>${label}</dt><dd>${typeof value === "number" ? number(value) : value}</dd></div>`;

const spoken = store("");

/** Say something to a screen reader; what is seen says it already. */
export const announce = (text) => spoken.set(text);

/** Where `announce` is heard; the shell holds one. */
export const Announcer = () => html`<div class="visually-hidden" role="status" aria-live="polite">${useStore(spoken)}</div>`;

// Long work that the reader ordered here: order it, follow its run, tell how it ended.
import { html, useEffect, useState } from "../lib.js";
import { get, post } from "../api.js";
import { useAction, useLoaded } from "../hooks.js";
import { href } from "../router.js";
import { phaseName } from "../runs.js";
import { t, tOr } from "../text.js";
import { announce, Bar, Button, Notice, ProblemNotice } from "../ui.js";

const ENDED = ["succeeded", "failed", "refused", "duplicate"];
// Most such work is done in less, and then one request is enough.
const WAIT_SECONDS = 5;

/**
 * `{ order(path, json), run, busy, error, clear() }`: `run` is the run of the newest order, followed until it ends;
 * `onEnd(run)` is told then. `json` may be a function that finds out what to send. `error` is what kept it from being ordered or followed.
 */
export function useOrder(onEnd) {
  const [ordered, setOrdered] = useState(null);
  const [order, action] = useAction(async (path, json) => {
    setOrdered(null);
    setOrdered(await post(path, typeof json === "function" ? await json() : json, { wait: WAIT_SECONDS }));
  });
  const followed = useLoaded(
    async (signal) => (ordered && !ENDED.includes(ordered.state) ? get(`runs/${ordered.id}`, {}, { signal }) : ordered),
    [ordered?.id],
    { busy: (run) => Boolean(run) && !ENDED.includes(run.state) },
  );
  const run = ordered && (followed.data?.id === ordered.id ? followed.data : ordered);
  const ended = Boolean(run) && ENDED.includes(run.state);
  useEffect(() => {
    if (!ended) return;
    announce(`${tOr(`kind.${run.kind}`, run.kind)}: ${tOr(`state.${run.state}`, run.state)}`);
    onEnd?.(run);
  }, [run?.id, ended]);
  const clear = () => {
    action.clear();
    setOrdered(null);
  };
  return { order, run, clear, busy: action.busy || (Boolean(run) && !ended), error: action.error ?? (ordered && !ended ? followed.error : null) };
}

/** How far an order is, or how it failed; when it went through, `children`. `label` says what goes on. */
export function Order({ of: { run, busy, error }, label, children }) {
  if (error) return html`<${ProblemNotice} error=${error} />`;
  if (busy) {
    return html`<div class="working" role="status">
      <p><strong>${label}…</strong> ${run && html`<span class="hint">${doing(run)}</span>`}</p>
      <${Bar} label=${label} />
    </div>`;
  }
  if (!run) return null;
  if (run.state === "succeeded") return children ?? null;
  return html`<${Notice} kind="bad" title=${tOr(`state.${run.state}`, run.state)} actions=${html`<${Button} href=${href(`/runs/${run.id}`)}>${t("order.run")}<//>`}>
    ${run.error && html`<p>${run.error.detail}</p>`}${run.error?.hint && html`<p>${run.error.hint}</p>`}
  <//>`;
}

function doing({ phase, state, progress }) {
  const words = phase ? phaseName(phase) : tOr(`state.${state}`, state);
  return progress > 0 ? `${words} · ${t("rows", { count: progress })}` : words;
}

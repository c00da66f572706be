// Files on their way: chosen, sent, loaded. They go on while the reader looks at other pages.
import { store, useStore } from "./lib.js";
import { get, leaving, post, sendFile } from "./api.js";

const AT_ONCE = 3;
const FIRST_PAUSE = 600;
const LONGEST_PAUSE = 5000;
const ENDED = ["succeeded", "failed", "refused", "duplicate"];

export const ended = (run) => ENDED.includes(run.state);

/**
 * The files: `{ id, file, table, state, share, since, run, error }`. `table` is "" where the name is to tell; `state` is
 * "chosen", "queued", "sending", "loading" or "over"; `run` is the run as it was last seen.
 */
const files = store([]);
let numbers = 0;

leaving(() => files.set([]));

export const useUploads = () => useStore(files);

const change = (id, fields) => files.set(files.get().map((each) => (each.id === id ? { ...each, ...fields } : each)));

/** Add files of the reader's; those that no table takes are told so at once. */
export function addFiles(given, table = "") {
  const added = [...given].map((file) => ({
    id: ++numbers, file, table, state: "chosen", share: 0, run: null, error: null,
    wrong: /\.(csv|xlsx)$/i.test(file.name) ? null : "kind",
  }));
  files.set([...files.get(), ...added]);
}

export const removeFile = (id) => files.set(files.get().filter((each) => each.id !== id));
export const chooseTable = (id, table) => change(id, { table });
export const clearEnded = () => files.set(files.get().filter((each) => each.state !== "over"));

/** Send all files that were chosen, a few at once; `options` are those of `POST /uploads`. */
export function startUploads(options) {
  for (const { id, state, wrong } of files.get()) {
    if (state === "chosen" && !wrong) change(id, { state: "queued", options });
  }
  next();
}

/** Send a file anew that could not be sent. */
export function retry(id) {
  change(id, { state: "queued", share: 0, error: null, run: null });
  next();
}

function next() {
  const under = files.get().filter(({ state }) => state === "sending").length;
  const waiting = files.get().filter(({ state }) => state === "queued");
  for (const each of waiting.slice(0, Math.max(AT_ONCE - under, 0))) send(each);
}

async function send({ id, file, table, options }) {
  change(id, { state: "sending" });
  try {
    const form = await post("uploads", { filename: file.name, ...(table ? { table } : {}), ...options });
    change(id, { since: Date.now() });
    await sendFile(form, file, (share) => change(id, { share }));
    change(id, { state: "loading", share: 1, run: { id: form.run, state: "queued", phase: "" } });
    follow(id, form.run);
  } catch (error) {
    change(id, { state: "over", error });
  }
  next();
}

async function follow(id, run) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.4, LONGEST_PAUSE)) {
    await rest(pause);
    if (!files.get().some((each) => each.id === id)) return;
    try {
      const seen = await get(`runs/${run}`);
      change(id, { run: seen, error: null, ...(ended(seen) ? { state: "over" } : {}) });
      if (ended(seen)) return;
    } catch (error) {
      if (error.status === 401 || error.status === 403) return;
    }
  }
}

/** Wait so many milliseconds, and as long as nobody looks. */
async function rest(pause) {
  await new Promise((resolve) => setTimeout(resolve, pause));
  if (!document.hidden) return;
  await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

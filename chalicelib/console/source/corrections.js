// What the reader changed in rejected rows, and what came of it. It is kept while they look at other pages.
import { store } from "./lib.js";
import { leaving, post } from "./api.js";

const byRun = new Map();
leaving(() => byRun.clear());

/**
 * The corrections of a run: a store of rows by `key(row)`: `{ table, row, cells, send, state, reasons, run }`. `cells`
 * are those that were changed. `send` is whether a row goes as it is. `state` is "in" once the row is in its table (by
 * `run`), "bad" when it was refused once more, for `reasons`.
 */
export function correctionsOf(run) {
  if (!byRun.has(run)) byRun.set(run, store({}));
  return byRun.get(run);
}

export const key = ({ table, row }) => `${table}.${row}`;

const EMPTY = { cells: {}, send: false, state: null, reasons: null, run: null };

function change(corrections, row, fields) {
  const all = corrections.get();
  const before = all[key(row)] ?? { ...EMPTY, table: row.table, row: row.row };
  corrections.set({ ...all, [key(row)]: { ...before, ...fields } });
}

/** Put a text into a cell of a rejected row; the one that stood there takes the change away again. */
export function edit(corrections, row, column, text) {
  const { [column]: _, ...others } = corrections.get()[key(row)]?.cells ?? {};
  const same = text === (row.cells[column] ?? "");
  change(corrections, row, { cells: same ? others : { ...others, [column]: text } });
}

/** Send a row as it is, or not: what it lacked may be there by now. */
export const choose = (corrections, row, send) => change(corrections, row, { send });

/** Forget what was changed in the rows that are not in their table. */
export function discard(corrections) {
  corrections.set(Object.fromEntries(Object.entries(corrections.get()).filter(([, each]) => each.state === "in")));
}

/** The rows that would be sent now. */
export const waiting = (all) =>
  Object.values(all).filter((each) => each.state !== "in" && (each.send || Object.keys(each.cells).length > 0));

/** Send the corrected rows; gives the service's answer. The changes of rows that are refused again stay. Throws Problem. */
export async function send(run, corrections, onConflict) {
  const rows = waiting(corrections.get());
  const tables = {};
  for (const { table, row, cells } of rows) {
    const blank = Object.entries(cells).map(([column, text]) => [column, text === "" ? null : text]);
    (tables[table] ??= []).push({ ...Object.fromEntries(blank), row });
  }
  const body = run.table === null ? tables : tables[run.table];
  const answer = await post(`runs/${run.id}/replay`, body, { query: { on_conflict: onConflict }, accept: [422] });
  const refused = new Map();
  for (const reason of answer.rejections) {
    const at = key({ table: reason.table ?? run.table, row: reason.row });
    refused.set(at, [...(refused.get(at) ?? []), reason]);
  }
  const after = { ...corrections.get() };
  for (const each of rows) {
    const reasons = refused.get(key(each));
    after[key(each)] = reasons ? { ...each, state: "bad", send: false, reasons } : { ...each, state: "in", run: answer.run };
  }
  corrections.set(after);
  return answer;
}

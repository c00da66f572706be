// The tables there are, with their columns: asked for once, for they change with a deployment alone.
import { get, session } from "./api.js";
import { useLoaded } from "./hooks.js";

let asked = null;
session.follow(() => { asked = null; });

/** The tables, each `{ name, title, columns: [{ name, type, required, … }], … }`. Their counts are of the first asking. */
function tables() {
  asked ??= get("tables").then((answer) => answer.tables).catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

/** The tables, as `useLoaded` gives them. */
export const useTables = () => useLoaded(tables);

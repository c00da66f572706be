// Where the reader is: a path and a query behind the `#`, as in `#/runs?table=jobs`.
import { store, useStore } from "./lib.js";

const place = store(read());
window.addEventListener("hashchange", () => place.set(read()));

function read() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

/** `{ path, query }` of where the reader is. */
export const usePlace = () => useStore(place);

/** The link to a path, with a query of whatever has a value. */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Lead the reader to a path. `replace` leaves no step to come back to. */
export function go(path, query = {}, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", href(path, query));
    place.set(read());
  } else {
    location.hash = href(path, query);
  }
}

/** The variables of a path by a pattern such as `/runs/:id`; null when it is another path. */
export function match(pattern, path) {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  const params = {};
  for (const [index, name] of names.entries()) {
    if (!name.startsWith(":")) {
      if (name !== parts[index]) return null;
      continue;
    }
    try {
      params[name.slice(1)] = decodeURIComponent(parts[index]);
    } catch {
      return null;
    }
  }
  return params;
}

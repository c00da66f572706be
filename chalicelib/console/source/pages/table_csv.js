// All rows of a table as one CSV file, put together from the pages that the API gives.
import { Problem, save, send } from "../api.js";

const PAGE = 1000;

/** Download the rows that meet the filters; `progress(bytes)` is told as they come. Throws Problem, or AbortError. */
export async function downloadCsv(table, filters, progress, signal) {
  const parts = [];
  let size = 0;
  let after;
  do {
    const response = await send(`tables/${encodeURIComponent(table)}/rows`, {
      method: "GET",
      query: { ...filters, limit: PAGE, after, format: "csv" },
      headers: { Accept: "text/csv" },
      signal,
    });
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
    const text = await response.text();
    // Each page has the header; no column has a line's end in its name.
    parts.push(new Blob([parts.length ? text.slice(text.indexOf("\n") + 1) : text]));
    size += parts.at(-1).size;
    progress(size);
    after = following(response.headers.get("Link"));
  } while (after);
  const url = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  save(url, `${table}.csv`);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** What to go on after, from `Link: <?…&after=…>; rel="next"` (RFC 8288). */
function following(link) {
  const found = /<\?([^>]*)>;\s*rel="?next/.exec(link ?? "");
  return found && new URLSearchParams(found[1]).get("after");
}

// What a restore would do, or did, to each table: counts, and the same as a bar.
import { html } from "../lib.js";
import { number, t } from "../text.js";

const CHANGES = ["inserted", "updated", "deleted"];
const PARTS = ["unchanged", ...CHANGES];
const SIGNS = { inserted: "+", updated: "~", deleted: "−" };

export const differs = (report) => report.inserted + report.updated + report.deleted > 0;

/** `reports` as the run of a restore has them; `title` is the title of each table by its name. */
export const Differences = ({ reports, title, caption, done = false }) => html`
  <div class="table-frame" role="region" aria-label=${caption} tabindex="0">
    <table class="differences">
      <caption class="visually-hidden">${caption}</caption>
      <thead><tr>
        <th scope="col">${t("tables.table")}</th>
        <th scope="col" class="numeric">${t(done ? "restore.before" : "restore.now")}</th>
        <th scope="col" class="numeric">${t("restore.inserted")}</th>
        <th scope="col" class="numeric">${t("restore.updated")}</th>
        <th scope="col" class="numeric">${t("restore.deleted")}</th>
        <th scope="col" class="numeric">${t("restore.unchanged")}</th>
        <th scope="col" class="numeric">${t("restore.afterwards")}</th>
      </tr></thead>
      <tbody>${reports.map((report) => html`<tr key=${report.table}>
        <th scope="row">${title[report.table] ?? report.table}<${Share} report=${report} />
          <span class="at-a-glance" aria-hidden="true">${number(before(report))} → ${number(report.rows)}
            ${CHANGES.filter((part) => report[part]).map((part) => html`<b key=${part} class=${part}>${SIGNS[part]}${number(report[part])}</b>`)}</span>
          ${report.notes.map((note) => html`<p class="hint">${note}</p>`)}</th>
        <td class="numeric">${number(before(report))}</td>
        ${CHANGES.map((part) => html`<td key=${part} class="numeric ${report[part] ? `changed ${part}` : "none"}">
          ${report[part] ? `${SIGNS[part]}${number(report[part])}` : "0"}</td>`)}
        <td class="numeric">${number(report.unchanged)}</td>
        <td class="numeric strong">${number(report.rows)}</td>
      </tr>`)}</tbody>
    </table>
  </div>`;

const before = (report) => report.unchanged + report.updated + report.deleted;

/** The parts of a table's rows as one bar, for the eye alone: the figures stand beside it. */
function Share({ report }) {
  const all = Math.max(1, PARTS.reduce((sum, part) => sum + report[part], 0));
  let start = 0;
  return html`<svg class="shares" aria-hidden="true" width="100%" height="8">
    ${PARTS.map((part) => {
      const x = (100 * start) / all;
      start += report[part];
      return report[part] > 0 && html`<rect key=${part} class=${part} x="${x}%" width="${Math.max((100 * report[part]) / all, 0.6)}%" height="8" />`;
    })}
  </svg>`;
}

// Departments that hired more than the mean, against the line of the mean.
import { html } from "../lib.js";
import { number, percent, t } from "../text.js";
import { Empty, Table } from "../ui.js";
import { BarChart } from "./metrics_chart.js";

export function AboveMean({ data, view, title }) {
  const mean = number(data.mean, { maximumFractionDigits: 1 });
  const over = (hired) => number(hired - data.mean, { maximumFractionDigits: 1, signDisplay: "always" });
  const [first] = data.rows;
  if (!first) return html`<${Empty} icon="metrics" title=${t("metrics.departments-above-mean.none", { mean })} />`;
  return html`
    <p>${t("metrics.departments-above-mean.told", { count: data.rows.length, departments: data.departments, mean })}</p>
    ${view === "chart"
      ? html`<${BarChart} id="mean" title=${title}
          description=${t("metrics.departments-above-mean.described", { mean, most: first.department, count: first.hired })}
          rows=${data.rows.map((row) => ({ label: row.department, values: [row.hired] }))} series=${[t("metrics.hired")]}
          line=${{ value: data.mean, label: t("metrics.departments-above-mean.mean", { mean }) }} />`
      : html`<${Table} caption=${title} rows=${data.rows} id=${(row) => row.id} columns=${[
          { key: "department", label: t("metrics.department") },
          { key: "id", label: t("metrics.number"), numeric: true, cell: (row) => row.id },
          { key: "hired", label: t("metrics.hired"), numeric: true },
          { key: "over", label: t("metrics.over"), numeric: true, cell: (row) => over(row.hired) },
          { key: "share", label: t("metrics.share"), numeric: true, cell: (row) => percent(row.hired / data.hires, 1) },
        ]} />`}`;
}

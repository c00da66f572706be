// Hires by quarter: departments, and the jobs of each.
import { grouped, sum } from "../chart.js";
import { html, useState } from "../lib.js";
import { go } from "../router.js";
import { number, t } from "../text.js";
import { Button, Select } from "../ui.js";
import { BarChart, Legend } from "./metrics_chart.js";

const QUARTERS = ["Q1", "Q2", "Q3", "Q4"];
// A department has a job or two hundred; as many are read at a glance.
const MOST_BARS = 25;

export function HiresByQuarter({ data, view, title, query }) {
  const [order, setOrder] = useState("hires");
  const departments = grouped(data.rows, "department", QUARTERS);
  const sorted = (groups) => (order === "name" ? groups : [...groups].sort((one, other) => sum(other.values) - sum(one.values)));
  const chosen = departments.find((each) => each.label === query.department);
  const show = (department) => go("/metrics", { ...query, department }, { replace: true });
  const series = QUARTERS.map((_, index) => t("metrics.quarter", { number: index + 1 }));
  return html`
    <p>${t("metrics.hires-by-quarter.told", {
      hires: sum(departments.flatMap((each) => each.values)),
      departments: departments.length,
      jobs: new Set(data.rows.map((row) => row.job)).size,
    })}</p>
    <div class="filters">
      ${view === "chart" && html`<div class="field"><label for="hires-scope">${t("metrics.hires-by-quarter.scope")}</label>
        <${Select} id="hires-scope" value=${chosen?.label ?? ""} onChange=${show}
          options=${[["", t("metrics.hires-by-quarter.departments")], ...departments.map(({ label }) => [label, jobsOf(label)])]} /></div>`}
      <div class="field"><label for="hires-order">${t("metrics.order")}</label>
        <${Select} id="hires-order" value=${order} onChange=${setOrder} options=${[["hires", t("metrics.order.hires")], ["name", t("metrics.order.name")]]} /></div>
      ${view === "chart" && html`<${Legend} id="hires" label=${t("metrics.legend")} series=${series} />`}
    </div>
    ${view === "chart"
      ? html`<${Bars} key=${chosen?.label} title=${`${title}: ${chosen ? jobsOf(chosen.label) : t("metrics.hires-by-quarter.departments")}`}
          bars=${sorted(chosen ? grouped(chosen.rows, "job", QUARTERS) : departments)} series=${series} onPick=${chosen ? undefined : show} />`
      : html`<${QuarterTable} caption=${title} departments=${sorted(departments)} sorted=${sorted} />`}`;
}

const jobsOf = (department) => t("metrics.hires-by-quarter.jobs", { department });

function Bars({ title, bars, series, onPick }) {
  const [all, setAll] = useState(false);
  const most = bars.reduce((one, other) => (sum(other.values) > sum(one.values) ? other : one));
  return html`
    <${BarChart} id="hires" title=${title} rows=${all ? bars : bars.slice(0, MOST_BARS)} series=${series} onPick=${onPick}
      description=${t("metrics.hires-by-quarter.described", { most: most.label, count: sum(most.values) })} />
    ${bars.length > MOST_BARS && !all && html`<div class="actions"><${Button} onClick=${() => setAll(true)}>${t("metrics.more", { count: bars.length })}<//></div>`}
    ${onPick && html`<p class="hint">${t("metrics.hires-by-quarter.hint")}</p>`}`;
}

function QuarterTable({ caption, departments, sorted }) {
  const [open, setOpen] = useState(new Set());
  const turn = (label) => {
    const next = new Set(open);
    if (!next.delete(label)) next.add(label);
    setOpen(next);
  };
  const whole = open.size === departments.length;
  return html`
    <div class="actions"><${Button} onClick=${() => setOpen(new Set(whole ? [] : departments.map((each) => each.label)))}>
      ${t(whole ? "metrics.collapse.all" : "metrics.expand.all")}<//></div>
    <div class="table-frame" role="region" aria-label=${caption} tabindex="0">
      <table class="quarters">
        <caption class="visually-hidden">${caption}</caption>
        <thead><tr>
          <th scope="col">${t("metrics.department")} / ${t("metrics.job")}</th>
          ${QUARTERS.map((name, index) => html`<th key=${name} scope="col" class="numeric">
            <abbr title=${t("metrics.quarter", { number: index + 1 })}>${name}</abbr></th>`)}
          <th scope="col" class="numeric">${t("metrics.total")}</th>
        </tr></thead>
        ${departments.map((each) => html`<tbody key=${each.label}>
          <tr><th scope="row"><button type="button" class="expand" aria-expanded=${open.has(each.label)} onClick=${() => turn(each.label)}>${each.label}</button></th>
            ${cells(each.values)}</tr>
          ${open.has(each.label) && sorted(grouped(each.rows, "job", QUARTERS)).map((job) => html`
            <tr key=${job.label} class="inner"><th scope="row">${job.label}</th>${cells(job.values)}</tr>`)}
        </tbody>`)}
        <tfoot><tr><th scope="row">${t("metrics.total")}</th>${cells(QUARTERS.map((_, index) => sum(departments.map((each) => each.values[index]))))}</tr></tfoot>
      </table>
    </div>`;
}

const cells = (values) => [...values, sum(values)].map((value, index) => html`<td key=${index} class=${value ? "numeric" : "numeric none"}>${number(value)}</td>`);

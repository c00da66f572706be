// The metrics of a year, each as a chart or a table.
import { html, useState } from "../lib.js";
import { download, get } from "../api.js";
import { useAction, useLoaded } from "../hooks.js";
import { go } from "../router.js";
import { t, tOr } from "../text.js";
import { Button, Card, Empty, Icon, Loaded, Page, ProblemNotice, Table } from "../ui.js";
import { AboveMean } from "./metrics_mean.js";
import { HiresByQuarter } from "./metrics_hires.js";

/** The metrics that have a chart. Any other is shown as the table it is. */
const CHARTS = { "hires-by-quarter": HiresByQuarter, "departments-above-mean": AboveMean };

export function MetricsPage({ query }) {
  const metrics = useLoaded(async (signal) => (await get("metrics", {}, { signal })).metrics, []);
  const usual = metrics.data?.[0]?.parameters[0]?.default;
  const year = /^[1-9]\d{0,3}$/.test(query.year) ? Number(query.year) : usual;
  return html`<${Page} title=${t("metrics.title")} actions=${year && html`<${Year} year=${year} query=${query} />`}>
    <${Loaded} from=${metrics}>
      ${(found) => found.length
        ? found.map((metric) => html`<${Metric} key=${metric.name} ...${{ metric, year, query }} />`)
        : html`<${Empty} icon="metrics" title=${t("metrics.none")} />`}
    <//>
  <//>`;
}

function Year({ year, query }) {
  const turn = (next) => go("/metrics", { ...query, year: next }, { replace: true });
  const typed = (event) => event.currentTarget.value && event.currentTarget.checkValidity() && turn(event.currentTarget.value);
  return html`<div class="year" role="group" aria-label=${t("metrics.year")}>
    <${Button} icon="left" aria-label=${t("metrics.year.previous")} disabled=${year <= 1} onClick=${() => turn(year - 1)} />
    <input class="input" type="number" min="1" max="9999" aria-label=${t("metrics.year")} value=${year} onChange=${typed} />
    <${Button} icon="right" aria-label=${t("metrics.year.next")} disabled=${year >= 9999} onClick=${() => turn(year + 1)} />
  </div>`;
}

function Metric({ metric, year, query }) {
  const { name } = metric;
  const Chart = CHARTS[name];
  const [view, setView] = useState("chart");
  const answer = useLoaded((signal) => get(`metrics/${name}`, { year }, { signal }), [name, year]);
  const [save, saving] = useAction((format) =>
    download(`metrics/${name}`, { query: { year, format }, name: `${name}-${year}.${format}` }));
  const title = tOr(`metrics.${name}`, metric.title);
  const file = (format) => html`<${Button} kind="quiet small" icon="download" disabled=${saving.busy} onClick=${() => save(format)}
    aria-label=${t("metrics.download", { metric: title, year: String(year), format: t(`metrics.${format}`) })}>${t(`metrics.${format}`)}<//>`;
  const actions = html`
    ${Chart && html`<div class="segments" role="group" aria-label=${t("metrics.view")}>
      ${["chart", "table"].map((each) => html`<button key=${each} type="button" aria-pressed=${each === view} onClick=${() => setView(each)}>
        <${Icon} name=${each === "chart" ? "metrics" : "table"} />${t(`metrics.${each}`)}</button>`)}</div>`}
    <span class="pair">${file("csv")}${Chart && file("svg")}</span>`;
  return html`<${Card} title=${title} actions=${actions}>
    <p class="hint card-lead">${tOr(`metrics.${name}.lead`, metric.description)}</p>
    ${saving.error && html`<${ProblemNotice} error=${saving.error} />`}
    <${Loaded} from=${answer} rows=${8}>
      ${(data) => data.rows.length === 0 && !data.hires
        ? html`<${Empty} icon="metrics" title=${t("metrics.empty", { year: String(year) })}>${t("metrics.empty.hint")}<//>`
        : Chart
          ? html`<${Chart} ...${{ data, view, query }} title=${`${title}, ${year}`} />`
          : html`<${Table} caption=${title} rows=${data.rows} columns=${metric.columns.map(plain)} />`}
    <//>
  <//>`;
}

const plain = ({ name, type }) => ({ key: name, label: name, numeric: type === "integer" || type === "number" });

// Bar charts as SVG, and what their patterns stand for.
import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { barChart } from "../chart.js";
import { number } from "../text.js";

// Each series has a pattern besides its colour, so that nobody needs to tell colours apart.
const PATTERNS = [
  null,
  html`<path d="M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6" />`,
  html`<circle cx="2" cy="2" r="1.3" /><circle cx="6" cy="6" r="1.3" />`,
  html`<path d="M0 4 H8" />`,
];

/**
 * Horizontal bars in an SVG as wide as the room it gets.
 *
 * `rows` are `{label, values}`; `series` names the values; `line` is `{value, label}` or null; `onPick(label)`, if
 * given, is for the pointer alone, so the same choice must stand beside the chart as a control.
 */
export function BarChart({ id, title, description, rows, series, line = null, onPick }) {
  const [frame, width] = useWidth();
  const chart = width ? barChart({ rows, width, line: line?.value ?? null, format: number, measure: measureIn(frame.current) }) : null;
  return html`<div class="chart" ref=${frame}>
    ${chart &&
    html`<svg role="img" aria-labelledby="${id}-title ${id}-description" width=${chart.width} height=${chart.height}>
      <title id="${id}-title">${title}</title>
      <desc id="${id}-description">${description}</desc>
      <${Patterns} id=${id} count=${series.length} />
      ${chart.ticks.map(
        (tick) => html`<g class="tick">
          <line x1=${tick.x} x2=${tick.x} y1=${chart.top - 4} y2=${chart.bottom} />
          <text x=${tick.x} y=${chart.bottom + 16} text-anchor=${tick.value ? "middle" : "start"}>
            ${number(tick.value)}
          </text>
        </g>`,
      )}
      ${chart.bars.map((bar) => html`<${Bar} ...${{ id, bar, chart, series, onPick }} />`)}
      ${line &&
      html`<g class="mean">
        ${meanPaths(chart).map((path) => html`<path class="halo" d=${path} /><path d=${path} />`)}
        <text x=${chart.line} y="11" text-anchor=${chart.line < chart.width / 2 ? "start" : "end"}>${line.label}</text>
      </g>`}
    </svg>`}
  </div>`;
}

function Bar({ id, bar, chart, series, onPick }) {
  return html`<g class=${onPick ? "bar pick" : "bar"} onClick=${onPick && (() => onPick(bar.label))}>
    <rect class="hit" x="0" y=${bar.y - (chart.narrow ? 18 : 4)} width=${chart.width} height=${bar.height + (chart.narrow ? 22 : 8)} />
    <text class=${chart.narrow ? "bar-label narrow" : "bar-label"} x=${bar.labelX} y=${bar.labelY} text-anchor=${chart.narrow ? "start" : "end"}>
      ${bar.shown}${bar.shown === bar.label ? null : html`<title>${bar.label}</title>`}
    </text>
    ${bar.segments.map(
      (each) =>
        each.value > 0 &&
        html`<g>
          <title>${series.length > 1 ? `${bar.label}, ${series[each.series]}: ` : `${bar.label}: `}${number(each.value)}</title>
          <rect class="series-${each.series}" x=${each.x} y=${bar.y} width=${each.width} height=${bar.height} />
          <rect class="seam" fill="url(#${id}-${each.series})" x=${each.x} y=${bar.y} width=${each.width} height=${bar.height} />
          ${series.length > 1 && each.told &&
          html`<text class=${each.series ? "value" : "value first"} x=${each.x + each.width / 2} y=${bar.y + bar.height / 2} text-anchor="middle">
            ${number(each.value)}
          </text>`}
        </g>`,
    )}
    <text class="total" x=${bar.totalX} y=${bar.y + bar.height / 2}>${number(bar.total)}</text>
  </g>`;
}

/** What stands for which series. */
export function Legend({ id, label, series }) {
  return html`<ul class="legend" aria-label=${label}>
    ${series.map(
      (name, index) => html`<li>
        <svg class="chart-swatch" width="22" height="14" aria-hidden="true">
          <${Patterns} id="${id}-legend" count=${series.length} />
          <rect class="series-${index}" width="22" height="14" />
          <rect class="seam" fill="url(#${id}-legend-${index})" width="22" height="14" />
        </svg>
        ${name}
      </li>`,
    )}
  </ul>`;
}

const Patterns = ({ id, count }) => html`<defs>
  ${PATTERNS.slice(0, count).map(
    (drawn, index) => html`<pattern id="${id}-${index}" class="pattern" width="8" height="8" patternUnits="userSpaceOnUse">
      ${drawn}
    </pattern>`,
  )}
</defs>`;

/** The line in one piece, or where labels stand between the bars, a piece for each bar. */
const meanPaths = ({ line, top, bottom, narrow, bars }) =>
  narrow ? bars.map(({ y, height }) => `M${line} ${y - 3}v${height + 6}`) : [`M${line} ${top - 8}V${bottom}`];

/** How wide a text will be, in the element's font at the charts' size; what is told apart is bold. */
function measureIn(element) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `600 13px ${getComputedStyle(element).fontFamily}`;
  return (text) => context.measureText(text).width;
}

function useWidth() {
  const frame = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.floor(frame.current.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(frame.current);
    measure();
    return () => observer.disconnect();
  }, []);
  return [frame, width];
}

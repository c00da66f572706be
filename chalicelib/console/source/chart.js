// Where the parts of a bar chart are: numbers in, pixels out. Nothing here knows the page.

const BAR = 20;
const GAP = 10;
const CAPTION = 18; // a label above its bar
const AXIS = 22;
const NARROW = 560;

/** Round numbers from 0 up to `most`, about `wanted` of them, whole ones. */
export function ticks(most, wanted = 5) {
  if (!(most > 0)) return [0];
  const rough = Math.max(most / wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

/**
 * Horizontal bars, each stacked of its values.
 *
 * `rows` are `{label, values}`, `line` is a number to compare all of them with (or null), `width` is the room there is.
 * In a narrow one the labels stand above their bars, else left of them. `measure` gives the width of a text, `format`
 * the text of a number.
 */
export function barChart({ rows, width, line = null, format = String, measure = (text) => text.length * 8 }) {
  const totals = rows.map((row) => sum(row.values));
  const most = Math.max(1, line ?? 0, ...totals);
  const narrow = width < NARROW;
  const longest = Math.max(0, ...rows.map((row) => measure(row.label)));
  const left = narrow ? 0 : Math.min(longest + 12, width * 0.32);
  const right = Math.max(0, ...totals.map((total) => measure(format(total)))) + 12;
  const plot = Math.max(width - left - right, 40);
  const place = (value) => left + (value / most) * plot;
  const pitch = BAR + GAP + (narrow ? CAPTION : 0);
  const top = line === null ? 4 : 24; // the line has its label above
  const room = narrow ? width : left - 10;

  const bars = rows.map((row, index) => {
    const y = top + index * pitch + (narrow ? CAPTION : 0);
    let before = 0;
    const segments = row.values.map((value, series) => {
      const x = place(before);
      before += value;
      const wide = place(before) - x;
      return { series, value, x, width: wide, told: value > 0 && wide >= measure(format(value)) + 6 };
    });
    return {
      label: row.label,
      shown: shortened(row.label, room, measure),
      labelX: narrow ? 0 : left - 10,
      labelY: narrow ? y - 5 : y + BAR / 2,
      y,
      height: BAR,
      segments,
      total: totals[index],
      totalX: place(totals[index]) + 6,
    };
  });
  const bottom = top + rows.length * pitch;
  return {
    width,
    height: bottom + AXIS,
    narrow,
    top,
    bottom,
    left,
    right: left + plot,
    ticks: ticks(most, narrow ? 4 : 6).map((value) => ({ value, x: place(value) })),
    line: line === null ? null : place(line),
    bars,
  };
}

/** The sums of columns of rows that agree in another: `[{label, values, rows}]`, in the order they come in. */
export function grouped(rows, by, columns) {
  const groups = new Map();
  for (const row of rows) {
    const group = groups.get(row[by]) ?? { label: row[by], values: columns.map(() => 0), rows: [] };
    columns.forEach((column, index) => (group.values[index] += row[column]));
    group.rows.push(row);
    groups.set(row[by], group);
  }
  return [...groups.values()];
}

export const sum = (values) => values.reduce((all, each) => all + each, 0);

function shortened(text, room, measure) {
  let shown = text;
  for (let length = text.length - 1; length > 0 && measure(shown) > room; length -= 1) shown = `${text.slice(0, length).trimEnd()}…`;
  return shown;
}

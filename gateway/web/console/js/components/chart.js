/** Charts in SVG, each with the same figures as a table. */

import { h, s } from "../dom.js";
import { day, number, shortDay } from "../format.js";
import { t } from "../i18n.js";
import { table } from "./table.js";

const WIDTH = 720;
const HEIGHT = 180;

/** The first round number at or above a value: 1, 2 or 5 times a power of ten. */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/**
 * Columns over days. `rows` are [{day, count, label}], every day once or several times (by `label`).
 */
export function dayChart(caption, rows, columnLabel) {
  const days = [...new Set(rows.map((row) => row.day))].sort();
  const totals = days.map((each) => rows.filter((row) => row.day === each).reduce((sum, row) => sum + row.count, 0));
  const top = roundUp(Math.max(...totals, 1));
  const [left, bottom] = [40, 24];
  const step = (WIDTH - left) / Math.max(days.length, 1);
  const y = (value) => HEIGHT - bottom - (value / top) * (HEIGHT - bottom - 10);
  const every = Math.ceil(days.length / 8);
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": caption },
    [0, top / 2, top].filter(Number.isInteger).map((value) => [
      s("line", { x1: left, x2: WIDTH, y1: y(value), y2: y(value), stroke: "var(--line)" }),
      s("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value))]),
    days.map((each, at) => [
      s("rect.bar", { x: left + at * step + step * 0.15, width: Math.min(step * 0.7, 40), y: y(totals[at]), height: HEIGHT - bottom - y(totals[at]), rx: 2 },
        s("title", `${day(each)}: ${number(totals[at])}`)),
      at % every === 0 ? s("text", { x: left + at * step + Math.min(step * 0.5, 20), y: HEIGHT - 6, "text-anchor": "middle" }, shortDay(each)) : null]));
  return h("figure.chart.stack", svg, h("details", h("summary", t("as_table")), table(caption, [
    { label: t("column.day"), cell: (row) => day(row.day) }, { label: columnLabel, cell: (row) => row.label },
    { label: t("column.count"), end: true, cell: (row) => number(row.count) },
  ], rows)));
}

/** Bars with a name and a number each; they are a table already, the bars are beside the figures. */
export function barTable(caption, columns, rows) {
  const most = Math.max(...rows.map((row) => row.count), 1);
  return table(caption, [...columns, {
    label: t("column.count"), cell: (row) => h("div.bar-cell", h("span.num", number(row.count)),
      s("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
        s("rect.bar", { width: Math.max((row.count / most) * 100, 1), height: 8, rx: 2 }))),
  }], rows);
}

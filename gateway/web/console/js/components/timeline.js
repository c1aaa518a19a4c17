/** Grounds in time: a bar for each, from when it counts until its last day, with why; and the same as a table. */

import { h, s } from "../dom.js";
import { day, instant, until as countdown } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { table } from "./table.js";
import { badge } from "./ui.js";

const WIDTH = 1000;
const DAY_MS = 86_400_000;

/** The timeline of an artifact's grounds (GET /artifacts/{id}); `now` is an instant in ms. */
export function groundsTimeline(grounds, now = Date.now()) {
  const spans = grounds.map((ground) => spanOf(ground, now));
  const first = Math.min(now, ...spans.map(({ from }) => from));
  const last = Math.max(now, ...spans.map(({ to }) => to));
  const room = Math.max((last - first) * 0.04, DAY_MS / 2);
  const scale = (at) => ((at - first + room) / (last - first + 2 * room)) * WIDTH;
  const ticks = Array.from({ length: 5 }, (_, at) => first - room + ((last - first + 2 * room) * at) / 4);
  return h("div.stack",
    h("div.time-rows", spans.map((span) => row(span, scale, ticks, now)),
      h("div.time-row", { "aria-hidden": "true" }, h("span"),
        h("div.time-axis", ticks.map((at) => h("span", day(new Date(at).toISOString())))))),
    h("details", h("summary", t("as_table")), asTable(grounds)));
}

function spanOf(ground, now) {
  const from = Date.parse(ground.starts_at);
  const ended = ground.ended_at ? Date.parse(ground.ended_at) : null;
  const end = ended ?? (ground.expires_at ? Date.parse(ground.expires_at) : null);
  // Nothing is counted from 1970: such a ground began before anything that is shown.
  const started = from < Date.parse("2000-01-01") ? now : from;
  return { ground, from: started, to: Math.max(end ?? now + 30 * DAY_MS, started), open: end === null, over: end !== null && end <= now };
}

function row({ ground, from, to, open, over }, scale, ticks, now) {
  const name = Word("ground", ground.ground);
  const label = t("timeline.bar", { name, from: day(new Date(from).toISOString()), until: endOf(ground) });
  const x = scale(from);
  const bar = s("svg", { viewBox: `0 0 ${WIDTH} 32`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("rect.track", { x: 0, y: 10, width: WIDTH, height: 12, rx: 6 }),
    ticks.slice(1, -1).map((at) => s("line.tick", { x1: scale(at), x2: scale(at), y1: 4, y2: 28, "vector-effect": "non-scaling-stroke" })),
    s("rect", { x, y: 8, width: Math.max(scale(to) - x, 6), height: 16, rx: 4, class: ["span", over ? "over" : ground.case ? "case" : ""].join(" ") }),
    open ? s("path.span", { d: `M${scale(to)} 4 L${Math.min(scale(to) + 24, WIDTH)} 16 L${scale(to)} 28 Z` }) : null,
    s("line.today", { x1: scale(now), x2: scale(now), y1: 0, y2: 32, "vector-effect": "non-scaling-stroke" }));
  return h("div.time-row",
    h("div", h("span.strong", name), " ", h("span.muted.small", `${ground.rule} · ${ground.ground}`), h("br"),
      over ? badge(t("ground.over"), "") : badge(open ? t("ground.open") : countdownOf(ground), "ok")),
    bar,
    h("p.time-note", sentence(ground)));
}

const countdownOf = (ground) => (ground.until ? `${day(ground.until)} · ${countdown(ground.until)}` : instant(ground.expires_at));

function endOf(ground) {
  if (ground.ended_at) return t("timeline.ended", { at: instant(ground.ended_at) });
  if (ground.until) return t("timeline.through", { date: day(ground.until) });
  return ground.expires_at ? instant(ground.expires_at) : t("ground.open");
}

function sentence(ground) {
  const parts = [
    ground.case && t("timeline.case", { case: ground.case }), endOf(ground), ground.ended_by,
    ground.reason, t("timeline.basis", { basis: ground.lawful_basis.join(", ") }),
    ground.roles.length ? t("timeline.open_to", { roles: ground.roles.join(", ") }) : t("timeline.closed"),
  ];
  return parts.filter(Boolean).join(" · ");
}

function asTable(grounds) {
  const column = (name, cell) => ({ label: t(`column.${name}`), cell });
  return table(t("timeline.title"), [
    column("ground", (g) => `${word("ground", g.ground)} (${g.ground})`), column("rule", (g) => g.rule),
    column("lawful_basis", (g) => g.lawful_basis.join(", ")),
    column("purposes", (g) => g.purposes.map((p) => word("purpose", p)).join(", ")),
    column("roles", (g) => g.roles.join(", ") || t("timeline.closed")), column("case", (g) => g.case),
    column("from", (g) => (Date.parse(g.starts_at) < Date.parse("2000-01-01") ? "" : instant(g.starts_at))),
    column("until", endOf),
  ], grounds);
}

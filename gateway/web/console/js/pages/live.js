/** Calls that are up: are they recorded, what is being said, and what an agent may ask. */

import { follow, get, Problem } from "../api.js";
import { announce, every, fill, h } from "../dom.js";
import { clock, instant, length, short } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { captureButtons, captureOf, captureSign } from "../components/capture.js";
import { purposeBox } from "../components/purpose.js";
import { loading, problemBox } from "../components/problems.js";
import { badge, card, empty, facts, message, pageHead, skeleton } from "../components/ui.js";
import { liveWords } from "../components/words.js";

export default function live({ params, signal }) {
  const list = h("div", { "aria-busy": "true" }, skeleton(4));
  const connection = h("span");
  let calls = null;
  const before = new Map();
  follow("/live/events", {
    signal,
    onState: (state) => fill(connection, state === "open" ? badge(t("live.connected"), "ok") : badge(t("live.lost"), "warn")),
    onEvent: (name, data) => {
      if (name !== "calls") return;
      tell(before, data.items);
      calls = data.items;
      draw();
    },
  }).catch((error) => fill(list, problemBox(error, () => location.reload())));
  every(1000, signal, () => list.querySelectorAll("[data-since]").forEach(tick));

  const focused = () => (list.contains(document.activeElement) ? document.activeElement.dataset.key : null);
  function draw() {
    const key = focused();
    list.setAttribute("aria-busy", "false");
    fill(list, calls.length
      ? h("ul.live-list", calls.map((call) => h("li", callCard(call, params.call))))
      : empty(t("live.none"), t("live.none.do"), { symbol: "live" }));
    list.querySelectorAll("[data-since]").forEach(tick);
    if (key) list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }
  const head = pageHead(t("live.title"), { lead: t("live.lead"), actions: connection });
  if (!params.call) return h("div.page", head, list);
  return h("div.page", head, h("div.columns", oneCall(params.call, signal), h("div.stack", h("h2", t("live.others")), list)));
}

/** Says what changed since the last list. */
function tell(before, calls) {
  for (const call of calls) {
    const state = captureOf(call);
    if (before.has(call.call) && before.get(call.call) !== state) {
      announce(t("live.changed", { call: short(call.call), state: t(`capture.${state}`) }));
    }
    before.set(call.call, state);
  }
}

function tick(place) {
  place.textContent = length((Date.now() - Date.parse(place.dataset.since)) / 1000);
}

function callCard(call, current) {
  const buttons = captureButtons(call, { look: "small" });
  buttons.forEach((made, at) => (made.dataset.key = `${call.call}:${at}`));
  return h(
    "article.call-card",
    { "aria-current": call.call === current ? "true" : undefined, "aria-label": t("live.call", { call: short(call.call) }) },
    h("div.call-card-head",
      h("div", h("a.strong", { href: `/console/live/${call.call}`, "data-key": `${call.call}:link` }, call.flow), h("br"),
        h("span.muted.small", Word("phase", call.phase))),
      h("span.num", { "data-since": call.arrived_at, title: instant(call.arrived_at) })),
    captureSign(call),
    buttons.length ? h("div.row", buttons) : null,
  );
}

function oneCall(id, signal) {
  const happened = h("ol.happened");
  const words = h("div.stack");
  const about = h("div");
  let drawn = "";
  let recording;
  const top = loading(() => get(`/live/calls/${id}`, { signal }), (call) => h("div.stack", show(call)));
  every(2000, signal, async () => {
    try {
      const call = await get(`/live/calls/${id}`, { signal });
      const now = [call.phase, call.consent, captureOf(call), call.timeline.length].join();
      if (now !== drawn) fill(top, show(call));
    } catch (error) {
      if (error instanceof Problem && error.status === 404 && drawn !== "over") {
        drawn = "over";
        fill(top, empty(t("live.over"), t("live.over.do"), { symbol: "live" }));
      }
    }
  });
  function show(call) {
    drawn = [call.phase, call.consent, captureOf(call), call.timeline.length].join();
    fill(happened, call.timeline.map((entry) =>
      h("li", h("span.muted.num", clock(entry.at)), h("span", Word("event", entry.name), " ", details(entry.detail)))));
    // What was followed stays in sight when its recording ends; a new recording takes its place.
    if (recording === undefined || (call.recording_id && call.recording_id !== recording)) {
      recording = call.recording_id;
      fill(words, recording
        ? followWords(call, signal)
        : message(t("words.not_recorded"), { tone: "info", detail: t("words.not_recorded.do") }));
    }
    fill(about, facts([
      [t("column.call"), h("span.mono", call.call)], [t("column.flow"), call.flow],
      [t("column.arrived"), instant(call.arrived_at)], [t("column.phase"), Word("phase", call.phase)],
    ]));
    return [captureSign(call), h("div.row", captureButtons(call))];
  }
  return h("div.stack", card(t("live.one"), top, { id: "one-call" }), card(t("words.title"), words, { id: "live-words" }),
    card(t("live.timeline"), happened, { id: "live-timeline" }), card(t("recording.facts"), about, { id: "live-facts" }));
}

function details(detail) {
  const told = Object.entries(detail ?? {}).map(([name, value]) => word(name, value)).filter(Boolean);
  return told.length ? h("span.muted.small", told.join(", ")) : null;
}

function followWords(call, signal) {
  const place = h("div.stack");
  fill(place, h("p.muted", t("words.lead")), purposeBox(call.recording_id, {
    submit: t("words.follow"), symbol: "next", autofocus: false,
    onStated: (capacity) => fill(place, liveWords(call.call, capacity, signal)),
  }));
  return place;
}

/** An agent's small panel, made to stand in another page: the state in large letters, and the buttons. */

import { follow } from "../api.js";
import { announce, every, fill, h } from "../dom.js";
import { length } from "../format.js";
import { t, Word } from "../i18n.js";
import { captureButtons, captureOf, captureSign } from "../components/capture.js";
import { problemBox } from "../components/problems.js";
import { empty, skeleton } from "../components/ui.js";

/** The panel of the call in `query.call`, or of the newest call that is up. */
export function panelPage({ query }) {
  const wanted = query.get("call");
  const leaving = new AbortController();
  window.addEventListener("pagehide", () => leaving.abort(), { once: true });
  const place = h("div.stack", skeleton(3));
  const connection = h("p.muted.small", { role: "status" });
  const node = h("main.panel", { id: "main" }, h("h1.sr-only", t("panel.title")), place, connection);
  let before = null;
  let drawn = "";
  follow("/live/events", {
    signal: leaving.signal,
    onState: (state) => { connection.textContent = state === "open" ? "" : t("live.lost"); },
    onEvent: (name, { items, recent = [] }) => {
      if (name !== "calls") return;
      const call = wanted ? [...items, ...recent].find((each) => each.call.startsWith(wanted)) : items.at(-1);
      const now = JSON.stringify(call ?? null);
      if (now === drawn) return;
      drawn = now;
      show(call);
    },
  }).catch((error) => fill(place, problemBox(error, () => location.reload())));
  every(1000, leaving.signal, () => place.querySelectorAll("[data-since]").forEach(tick));

  function show(call) {
    if (!call) {
      before = null;
      fill(place, empty(t("panel.none"), t("panel.none.do"), { symbol: "live" }));
      return;
    }
    const state = captureOf(call);
    if (before !== null && before !== state) announce(t(`capture.${state}`));
    before = state;
    const focused = place.contains(document.activeElement) ? document.activeElement.textContent : null;
    const since = h("span.num", { "data-since": call.arrived_at });
    const buttons = captureButtons(call);
    fill(place, captureSign(call), h("div.call-card-head", h("span", Word("phase", call.phase)), call.phase === "ended" ? null : since),
      buttons.length ? h("div.buttons", buttons) : null);
    tick(since);
    if (focused) (buttons.find((each) => each.textContent === focused) ?? buttons[0])?.focus();
  }
  return node;
}

function tick(place) {
  place.textContent = length((Date.now() - Date.parse(place.dataset.since)) / 1000);
}

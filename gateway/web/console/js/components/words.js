/** The words of a live call as they are spoken. Nothing of them is kept here. */

import { stream } from "../api.js";
import { fill, h } from "../dom.js";
import { length } from "../format.js";
import { t, Word } from "../i18n.js";
import { problemBox } from "./problems.js";
import { message } from "./ui.js";

/** Follows the words of a call in a stated capacity, until it ends or the signal aborts. */
export function liveWords(call, capacity, signal) {
  const log = h("div.words", { role: "log", "aria-live": "off", "aria-label": t("words.title"), tabindex: 0 });
  const state = h("div", h("p.muted", { role: "status" }, t("words.waiting")));
  const coming = { caller: null, agent: null };

  function hear({ leg, text, settled, heard_s }) {
    fill(state);
    const below = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    let line = coming[leg];
    if (!line) {
      if (!text) return;
      line = h("div.said", { class: leg }, h("b", Word("speaker", leg), " ", h("span.muted.num", length(heard_s))), h("span"));
      log.append(line);
      coming[leg] = line;
    }
    const words = line.lastElementChild;
    words.textContent = text;
    words.classList.toggle("coming", !settled);
    if (settled) {
      coming[leg] = null;
      if (!text) line.remove();
    }
    if (below) log.scrollTop = log.scrollHeight;
  }

  stream(`/live/calls/${call}/words`, {
    capacity, signal,
    onEvent: (name, data) => (name === "words" ? hear(data) : over()),
  }).then(over, (error) => {
    if (!signal.aborted) fill(state, problemBox(error));
  });
  function over() {
    if (!signal.aborted) fill(state, message(t("words.over"), { tone: "info" }));
  }
  return h("div.stack", log, state);
}

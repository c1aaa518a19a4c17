/** What was said, turn by turn; the word that is heard is marked, and a word that is clicked is heard. */

import { h } from "../dom.js";
import { length } from "../format.js";
import { t } from "../i18n.js";
import { fields } from "./form.js";
import { button, empty } from "./ui.js";

const DOUBTFUL = 0.5;

/**
 * A transcript: {node, at(seconds)}. `onSeek(seconds)`, or null where there is nothing to play.
 *
 * `words` is the JSON of GET /transcripts/{id}.
 */
export function transcript(words, { onSeek }) {
  const marks = []; // every word with its time, in the order of their beginnings
  const lines = [
    ...words.turns.map((turn) => ({ at: turn.start_s, node: turnOf(turn, marks, onSeek) })),
    ...(words.gaps ?? []).map((gap) => gapOf(gap)),
  ].sort((a, b) => a.at - b.at);
  marks.sort((a, b) => a.start - b.start);
  if (!lines.length) return { node: empty(t("transcript.none"), t("transcript.none.do"), { symbol: "file" }), at() {} };
  const box = h("div.transcript", { tabindex: 0, role: "region", "aria-label": t("transcript.title") }, lines.map(({ node }) => node));
  let current = null;
  let follows = true;
  const stay = () => {
    follows = false;
    clearTimeout(stay.timer);
    stay.timer = setTimeout(() => (follows = true), 5000);
  };
  for (const name of ["wheel", "touchmove", "keydown"]) box.addEventListener(name, stay, { passive: true });
  return {
    node: h("div.stack", finder(marks, onSeek), box),
    at(seconds) {
      const mark = heardAt(marks, seconds);
      if (mark === current) return;
      current?.node.classList.remove("now");
      current = mark;
      if (!mark) return;
      mark.node.classList.add("now");
      if (follows) keepInSight(box, mark.node);
    },
  };
}

/** The word that is heard at an instant, or null: the last one that began, unless it is long over. */
export function heardAt(marks, seconds) {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle].start <= seconds + 0.02) low = middle + 1;
    else high = middle;
  }
  const mark = marks[low - 1];
  return mark && seconds < mark.end + 0.4 ? mark : null;
}

function keepInSight(box, word) {
  if (box.scrollHeight <= box.clientHeight) return;
  const [outer, inner] = [box.getBoundingClientRect(), word.getBoundingClientRect()];
  if (inner.top < outer.top + 20 || inner.bottom > outer.bottom - 60) {
    box.scrollTop += inner.top - outer.top - outer.height / 3;
  }
}

function turnOf(turn, marks, onSeek) {
  const said = h("p");
  const spoken = turn.words?.length ? turn.words : [{ text: turn.text ?? "", start_s: turn.start_s, end_s: turn.end_s }];
  for (const word of spoken) {
    const doubtful = word.confidence !== undefined && word.confidence !== null && word.confidence < DOUBTFUL;
    const node = h("span.w", { class: doubtful ? "doubtful" : "", title: doubtful ? t("transcript.doubtful") : undefined },
      word.text);
    if (onSeek) node.addEventListener("click", () => onSeek(word.start_s));
    marks.push({ start: word.start_s, end: word.end_s, node, text: word.text.toLocaleLowerCase() });
    said.append(node, " ");
  }
  const time = length(turn.start_s);
  return h("div.turn", { class: turn.leg },
    h("div.turn-head", h("b", t(`leg.${turn.leg}`)),
      onSeek
        ? h("button", { type: "button", "aria-label": t("transcript.from", { time }), onclick: () => onSeek(turn.start_s) }, time)
        : h("span.muted", time)),
    said);
}

function gapOf(gap) {
  const [from, to] = Array.isArray(gap) ? gap : [gap.start_s, gap.end_s];
  return { at: from, node: h("p.gap-line", t("transcript.gap", { from: length(from), to: length(to) })) };
}

function finder(marks, onSeek) {
  let hits = [];
  let at = -1;
  const form = fields([{ name: "find", label: t("transcript.find"), type: "search", plain: true }]);
  const said = h("span.hint", { role: "status" });
  const next = () => {
    const wanted = form.values().find.toLocaleLowerCase();
    const found = wanted ? marks.filter(({ text }) => text.includes(wanted)) : [];
    if (found.length !== hits.length || found[0] !== hits[0]) at = -1;
    hits.forEach(({ node }) => node.classList.remove("found"));
    hits = found;
    hits.forEach(({ node }) => node.classList.add("found"));
    said.textContent = wanted ? t("transcript.found", { count: hits.length }) : "";
    if (!hits.length) return;
    at = (at + 1) % hits.length;
    hits[at].node.scrollIntoView({ block: "nearest" });
    onSeek?.(hits[at].start);
  };
  return h("form.form-row", { role: "search", onsubmit: (event) => { event.preventDefault(); next(); } },
    form.nodes, button(t("transcript.next"), { type: "submit", symbol: "search" }), said);
}

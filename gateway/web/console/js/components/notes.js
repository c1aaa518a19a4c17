/** What was written about a case, newest last. */

import { h } from "../dom.js";
import { instant } from "../format.js";
import { t, word, Word } from "../i18n.js";
import { empty } from "./ui.js";

/** Notes as the API gives them: {at, by, kind, words: {name: text}}. */
export function notes(list) {
  if (!list?.length) return empty(t("notes.none"), "", { symbol: "file" });
  return h("ol.notes", list.map((note) => h("li",
    h("div.row", h("span.strong", Word("action", note.kind)), h("span.muted.small", `${instant(note.at)} · ${note.by}`)),
    Object.entries(note.words ?? {}).filter(([, value]) => value).map(([name, value]) =>
      h("p", h("span.muted.small", `${word("written", name)}: `), String(value))))));
}

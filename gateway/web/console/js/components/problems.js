/** What the gateway refused, in words that say what to do; and loading that shows them. */

import { Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { has, t } from "../i18n.js";
import { button, message, skeleton } from "./ui.js";

/** A problem's title, detail and lines, ready to show. */
export function told(error) {
  if (!(error instanceof Problem)) return { title: t("problem.unknown"), detail: t("problem.unknown.do"), lines: [] };
  const known = has(`problem.${error.kind}`);
  const title = error.status === 0 || !error.message ? t(known ? `problem.${error.kind}` : "problem.unknown") : error.message;
  const what = error.detail && error.detail !== title ? error.detail : "";
  const advice = has(`problem.${error.kind}.do`)
    ? t(`problem.${error.kind}.do`, { seconds: error.retryAfter ?? 60 }) : "";
  const lines = error.errors.map(({ key, why }) => (key ? `${key}: ${why}` : why));
  return { title, detail: [what, advice].filter(Boolean).join(" "), lines };
}

/** A problem in the page. `again`: what the button "try again" does. */
export function problemBox(error, again) {
  const { title, detail, lines } = told(error);
  const action = again && button(t("again"), { look: "small", symbol: "refresh", onclick: again });
  return message(title, { tone: error.status === 403 ? "warn" : "bad", detail, list: lines, action });
}

/**
 * A box that shows grey lines, then what `render` makes of what `get` brings, or the problem.
 *
 * Its `reload()` does it again without grey lines.
 */
export function loading(get, render, { lines = 5 } = {}) {
  const box = h("div.stack", { "aria-busy": "true" }, skeleton(lines));
  let latest = 0;
  box.reload = async () => {
    const mine = ++latest;
    box.setAttribute("aria-busy", "true");
    try {
      const found = await get();
      if (mine === latest) fill(box, render(found));
    } catch (error) {
      if (error.name === "AbortError" || mine !== latest) return;
      if (!(error instanceof Problem)) console.error(error);
      fill(box, problemBox(error, () => box.reload()));
    } finally {
      if (mine === latest) box.setAttribute("aria-busy", "false");
    }
  };
  box.reload();
  return box;
}

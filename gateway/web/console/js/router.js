/** Addresses to pages. A page gets a signal that aborts when it is left: streams and timers end with it. */

import { announce, fill } from "./dom.js";
import { t } from "./i18n.js";
import { problemBox } from "./components/problems.js";

const ROOT = "/console";
let table = [];
let place = null;
let leaving = new AbortController();
let onChange = () => {};
let shown = 0;

/** Begins to follow addresses. Routes: [{path: "/calls/:id", load, name}]; `change(route)` is told of each. */
export function start(routes, into, change) {
  table = routes.map((route) => ({ ...route, pattern: compile(route.path) }));
  place = into;
  onChange = change;
  show();
}

/** Ends the page that is shown. */
export function stop() {
  leaving.abort();
  shown += 1;
  place = null;
}

/** Goes to an address inside the console. */
export function go(path) {
  history.pushState(null, "", path.startsWith(ROOT) ? path : ROOT + path);
  show();
}

/** Changes the address without loading the page again. */
export const note = (path) => history.replaceState(null, "", ROOT + path);

/** Shows the page again, as after a change of language. */
export const again = () => show();

/** The path within the console. */
export const here = () => location.pathname.slice(ROOT.length).replace(/\/$/, "") || "/";

function compile(path) {
  const names = [];
  const source = path.replace(/\/:(\w+)(\?)?/g, (_, name, optional) => {
    names.push(name);
    return optional ? "(?:/([^/]+))?" : "/([^/]+)";
  });
  return { expression: new RegExp(`^${source}$`), names };
}

function match(path) {
  for (const route of table) {
    const found = route.pattern.expression.exec(path);
    if (found) {
      const values = found.slice(1).map((value) => value && decodeURIComponent(value));
      return { route, params: Object.fromEntries(route.pattern.names.map((name, i) => [name, values[i]])) };
    }
  }
  return null;
}

async function show() {
  if (!place) return;
  const mine = ++shown;
  leaving.abort();
  leaving = new AbortController();
  const signal = leaving.signal;
  const found = match(here());
  onChange(found?.route ?? null);
  try {
    const module = await (found?.route.load() ?? import("./pages/missing.js"));
    const query = new URLSearchParams(location.search);
    const page = await module.default({ params: found?.params ?? {}, query, signal });
    if (mine !== shown) return;
    fill(place, page);
  } catch (error) {
    if (mine !== shown || error.name === "AbortError") return;
    console.error(error);
    fill(place, problemBox(error, show));
  }
  arrived();
}

/** The heading gets the focus and names the window, so that a new page is heard. */
function arrived() {
  const heading = place.querySelector("h1");
  document.title = heading ? `${heading.textContent} · Tast1` : "Tast1";
  announce(heading?.textContent ?? t("loading"));
  heading?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!place || !link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(ROOT) || link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
window.addEventListener("popstate", show);
// When the window goes elsewhere, the browser breaks off what a page still fetches: that is no fault to tell of.
window.addEventListener("pagehide", () => {
  leaving.abort();
  shown += 1;
});
window.addEventListener("pageshow", (event) => event.persisted && show());

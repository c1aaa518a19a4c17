/** What surrounds every page: navigation by role, who one is, language, light and dark, shortcuts. */

import { h, typing } from "../dom.js";
import { lang, LANGUAGES, t } from "../i18n.js";
import { go } from "../router.js";
import { GROUPS, routes } from "../routes.js";
import { acting, actAs, holds, session } from "../session.js";
import { recall, remember } from "../store.js";
import { icon } from "./icons.js";
import { open } from "./dialog.js";
import { button } from "./ui.js";

/** The shell: {node, main, moved(route)}. Callbacks: onLanguage(code), onRole(), onSignOut(). */
export function shell({ onLanguage, onRole, onSignOut }) {
  const main = h("main", { id: "main", tabindex: -1 });
  const shown = routes.filter((route) => route.name && holds(...route.roles));
  const items = new Map(shown.map((route) => [route.name, item(route)]));
  const nav = h(
    "nav.nav",
    { id: "nav", "aria-label": t("nav.label") },
    brand(),
    GROUPS.map((group) => {
      const members = shown.filter((route) => route.group === group);
      return members.length
        ? h("div.nav-group", h("span", { id: `nav-${group}` }, t(`nav.group.${group}`)),
            h("ul", { "aria-labelledby": `nav-${group}` }, members.map((route) => h("li", items.get(route.name)))))
        : null;
    }),
  );
  const menu = button(t("nav.menu"), {
    look: "quiet icon menu-button", symbol: "menu", "aria-controls": "nav", "aria-expanded": "false",
    onclick: () => toggle(!nav.hasAttribute("data-open")),
  });
  function toggle(isOpen) {
    nav.toggleAttribute("data-open", isOpen);
    menu.setAttribute("aria-expanded", String(isOpen));
  }
  const topbar = h(
    "div.topbar", menu, h("span.grow"), roleChoice(onRole), languageButton(onLanguage), themeButton(),
    button(t("help.title"), { look: "quiet icon", symbol: "help", onclick: help }),
    button(t("sign_out"), { look: "quiet icon", symbol: "out", onclick: onSignOut }),
  );
  const node = h(
    "div.shell",
    h("a.skip", { href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); main.scrollIntoView(); } },
      t("skip")),
    nav, topbar, main,
  );
  shortcuts(shown);
  return {
    node,
    main,
    moved(route) {
      toggle(false);
      const name = route?.name ?? route?.under;
      for (const [key, link] of items) {
        if (key === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },
  };
}

/** The sign and the name. */
export const brand = () =>
  h("a.brand", { href: "/console/" }, h("img", { src: new URL("../../icon.svg", import.meta.url).href, alt: "" }), "Tast1");

const item = (route) =>
  h("a.item", { href: `/console${route.path.replace(/\/:\w+\??/, "")}` }, icon(route.name), t(`nav.${route.name}`));

function roleChoice(onRole) {
  const { person, roles } = session();
  const select = h(
    "select",
    {
      "aria-label": t("role.label"), title: t("role.hint"),
      onchange: () => {
        actAs(select.value || null);
        onRole();
      },
    },
    h("option", { value: "" }, roles.length > 1 ? t("role.any") : (roles[0]?.name ?? t("role.none"))),
    roles.length > 1 ? roles.map(({ name, means }) => h("option", { value: name }, means ? `${name}: ${means}` : name)) : [],
  );
  select.value = acting() ?? "";
  return h("div.who", h("span.strong", person.id), roles.length > 1 ? select : h("span.muted.small", roles[0]?.name ?? t("role.none")));
}

/** The button that changes the language to the other one. */
export function languageButton(onLanguage) {
  const other = lang() === "da" ? "en" : "da";
  return button(LANGUAGES[other], { look: "quiet", lang: other, onclick: () => onLanguage(other) });
}

/** The button between light and dark. */
export function themeButton() {
  const dark = () => document.documentElement.dataset.theme === "dark";
  const made = button(t("theme.switch"), { look: "quiet icon", onclick: () => {
    remember("theme", dark() ? "light" : "dark");
    document.dispatchEvent(new Event("tast1:theme"));
    draw();
  } });
  const draw = () => made.replaceChildren(icon(dark() ? "sun" : "moon"));
  draw();
  return made;
}

// --- shortcuts: single letters, which can be turned off (WCAG 2.1.4) ---

let waiting = 0;
let targets = [];

function shortcuts(shown) {
  targets = shown;
}

document.addEventListener("keydown", (event) => {
  if (!targets.length || recall("shortcuts") === "off" || typing(event)) return;
  if (event.key === "?") {
    help();
  } else if (event.key === "g") {
    waiting = Date.now();
  } else if (event.key === "/") {
    const field = document.querySelector("main input[type=search]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  } else if (Date.now() - waiting < 1500) {
    waiting = 0;
    const route = targets.find(({ key }) => key === event.key);
    if (route) go(route.path.replace(/\/:\w+\??/, ""));
  }
});

/** The list of shortcuts, and the switch for them. */
export function help() {
  const box = h("input", {
    type: "checkbox", id: "shortcuts-on", checked: recall("shortcuts") !== "off",
    onchange: () => remember("shortcuts", box.checked ? "on" : "off"),
  });
  const line = (keys, what) => [h("dt", keys.map((key) => [h("kbd", key), " "])), h("dd", what)];
  open(t("help.title"), [
    h("p", t("help.lead")),
    h("div.check", box, h("label", { for: "shortcuts-on" }, t("help.on"))),
    h("dl.facts",
      targets.map((route) => line(["g", route.key], t(`nav.${route.name}`))),
      line(["/"], t("help.search")), line(["?"], t("help.title")), line(["Enter"], t("help.listen")),
      line([t("key.space")], t("help.play")), line(["←", "→"], t("help.seek")), line([",", "."], t("help.speed"))),
  ]);
}

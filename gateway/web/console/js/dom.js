/** Elements by function: `h("div.card", {id: "x"}, "text", child)`. No markup is ever parsed from data. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `spec` is a tag with classes, `props` are attributes, `on…` listeners or properties. */
export function h(spec, props, ...children) {
  const [tag, ...classes] = spec.split(".");
  return build(document.createElement(tag || "div"), classes, props, children);
}

/** The same for SVG. */
export function s(spec, props, ...children) {
  const [tag, ...classes] = spec.split(".");
  return build(document.createElementNS(SVG, tag), classes, props, children);
}

function build(element, classes, props, children) {
  if (props !== null && (typeof props !== "object" || props instanceof Node || Array.isArray(props))) {
    children = [props, ...children];
    props = undefined;
  }
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(props ?? {})) {
    set(element, name, value);
  }
  append(element, children);
  return element;
}

const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "hidden", "open"]);

function set(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) {
    element.addEventListener(name.slice(2), value);
  } else if (name === "class") {
    if (value) element.classList.add(...String(value).split(" ").filter(Boolean));
  } else if (name === "dataset") {
    Object.assign(element.dataset, value);
  } else if (PROPERTIES.has(name) && element.namespaceURI !== SVG) {
    element[name] = value;
  } else if (value === true) {
    element.setAttribute(name, name.startsWith("aria-") ? "true" : "");
  } else if (value === false && !name.startsWith("aria-")) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, String(value));
  }
}

/** Adds children; arrays are flattened, `null`, `undefined` and `false` are nothing. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replaces all children. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

let ids = 0;

/** An id that no other element has. */
export const uid = (prefix = "i") => `${prefix}${++ids}`;

/** Says something to screen readers, once. */
export function announce(text) {
  const place = document.getElementById("announcer");
  place.textContent = "";
  requestAnimationFrame(() => {
    place.textContent = text;
  });
}

/** Runs `work` every `ms` until the signal aborts. */
export function every(ms, signal, work) {
  const timer = setInterval(work, ms);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Whether keys belong to what has the focus: a field, a button, an open dialog. */
export function typing(event) {
  const target = event.target instanceof Element ? event.target : null;
  return Boolean(
    event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") ||
    target?.closest("input, select, textarea, [contenteditable]"),
  );
}

/** Texts in Danish and English: the console's own (`t`), and the gateway's names of codes (`word`). */

import { recall, remember } from "./store.js";

export const LANGUAGES = { da: "Dansk", en: "English" };

let language = recall("language") in LANGUAGES ? recall("language") : "da";
let own = {};
let codes = {};

/** The language in use: "da" or "en". */
export const lang = () => language;

/** Loads the console's texts in a language and remembers it. */
export async function useLanguage(code) {
  const response = await fetch(new URL(`../texts/${code}.json`, import.meta.url));
  own = await response.json();
  if (code !== language) codes = {};
  language = code;
  remember("language", code);
  document.documentElement.lang = code;
}

/** Takes over the gateway's texts (`/api/v1/texts/{lang}`). */
export function useCodes(texts) {
  codes = texts;
}

/** The text of a key with `{name}` filled in; `count` of 1 takes the key's `.one` form when there is one. */
export function t(key, values = {}) {
  const single = values.count === 1 ? own[`${key}.one`] : undefined;
  const text = single ?? own[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Whether there is such a text. */
export const has = (key) => key in own;

/** What a code is called: `word("kind", "AUD")` is "optagelse"; the code itself if it has no name. */
export function word(field, value) {
  if (value === null || value === undefined || value === "") return "";
  return codes[`${field}.${value}`] ?? own[`${field}.${value}`] ?? String(value);
}

/** The same with a capital. */
export function Word(field, value) {
  const found = word(field, value);
  return found.charAt(0).toUpperCase() + found.slice(1);
}

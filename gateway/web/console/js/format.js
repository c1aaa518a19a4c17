/** Instants, civil dates, lengths and numbers for people. Dates are the policy's: Europe/Copenhagen. */

import { lang, t } from "./i18n.js";

const ZONE = "Europe/Copenhagen";
const DAY_MS = 86_400_000;
const locale = () => (lang() === "da" ? "da-DK" : "en-GB");
const made = new Map();

function formatter(options) {
  const key = locale() + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Intl.DateTimeFormat(locale(), { timeZone: ZONE, ...options }));
  return made.get(key);
}

const parsed = (value) => (value instanceof Date ? value : new Date(value));

/** Date and time of an instant (ISO 8601), such as "28. nov. 2026 14.05". */
export function instant(value) {
  if (!value) return "";
  return formatter({ dateStyle: "medium", timeStyle: "short" }).format(parsed(value));
}

/** Time of day with seconds. */
export function clock(value) {
  return value ? formatter({ timeStyle: "medium" }).format(parsed(value)) : "";
}

/** A civil date (YYYY-MM-DD, or the local day of an instant). */
export function day(value) {
  if (!value) return "";
  const noon = /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T12:00:00Z` : value;
  return formatter({ dateStyle: "medium" }).format(parsed(noon));
}

/** A civil date without its year. */
export function shortDay(value) {
  return formatter({ day: "numeric", month: "short" }).format(parsed(`${value.slice(0, 10)}T12:00:00Z`));
}

/** Today's civil date, YYYY-MM-DD. */
export function today(now = new Date()) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(now);
  return parts.slice(0, 10);
}

/** The instant (ISO 8601) at which a civil date begins in the policy's zone. */
export function startOf(date) {
  const guess = Date.parse(`${date}T00:00:00Z`);
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  }).formatToParts(new Date(guess));
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  const shown = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute);
  return new Date(guess - (shown - guess)).toISOString();
}

/** The civil date so many days after another one. */
export const plusDays = (date, days) => new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);

/** Whole days from today to a civil date; negative when it has passed. */
export function daysTo(date, now = new Date()) {
  return Math.round((Date.parse(date) - Date.parse(today(now))) / DAY_MS);
}

/** How long until a civil date, in words. */
export function until(date) {
  const days = daysTo(date);
  if (days < 0) return t("days.late", { count: -days });
  return days === 0 ? t("days.today") : t("days.left", { count: days });
}

/** Seconds as 1:02:03 or 2:03. */
export function length(seconds) {
  if (!Number.isFinite(seconds)) return "0:00";
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A number with the language's separators. */
export const number = (value) => new Intl.NumberFormat(locale()).format(value);

/** The beginning of a long id, enough to tell it from others. */
export const short = (id) => (id && id.length > 16 ? `${id.slice(0, 10)}…` : (id ?? ""));

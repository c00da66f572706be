// Words, numbers and moments in the reader's language.
import { store, useStore } from "./lib.js";

export const LANGUAGES = { en: "English", es: "Español" };
// A reader loads the words of one language; the page has named those, as the browser has asked for it, for an early start.
const words = {};

export const language = store(preferred());
await learn(language.get());
apply();
language.follow(apply);

function preferred() {
  const known = (tag) => LANGUAGES[tag.slice(0, 2)] && tag.slice(0, 2);
  const kept = localStorage.getItem("decant-language");
  return (kept && known(kept)) || navigator.languages.map(known).find(Boolean) || "en";
}

function apply() {
  document.documentElement.lang = language.get();
}

async function learn(tag) {
  const place = new URL(`text.${tag}.js`, import.meta.url).href;
  words[tag] ??= (await import(place)).default;
}

/** Speak another language from now on. */
export async function speak(tag) {
  localStorage.setItem("decant-language", tag);
  try {
    await learn(tag);
    language.set(tag);
  } catch {
    location.reload(); // the console was replaced, and the new one has words of its own
  }
}

export const useLanguage = () => useStore(language);

/**
 * The text of a key. `{name}` in it is filled from `values`, numbers as the language writes them. With `count` among
 * them, `key.one` or `key.other` is taken where there are such.
 */
export function t(key, values = {}) {
  const known = words[language.get()];
  const form = "count" in values ? new Intl.PluralRules(language.get()).select(values.count) : "other";
  const text = known[`${key}.${form}`] ?? known[`${key}.other`] ?? known[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? (typeof values[name] === "number" ? number(values[name]) : String(values[name])) : whole);
}

/** The text of a key, or `otherwise` where the console knows no such key: for words of the API that may grow. */
export const tOr = (key, otherwise) => (key in words[language.get()] ? t(key) : otherwise);

const formats = new Map();
function format(kind, options) {
  const key = `${language.get()} ${kind.name} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new kind(language.get(), options));
  return formats.get(key);
}

/** A number: 12,345. */
export const number = (value, options = {}) =>
  value === null || value === undefined ? "–" : format(Intl.NumberFormat, options).format(value);

/** A share of one, as percent. */
export const percent = (share, digits = 0) => number(share, { style: "percent", maximumFractionDigits: digits });

/** Bytes, in the unit that fits. */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  const digits = step ? 1 : 0;
  return number(count / 1000 ** step, { style: "unit", unit: units[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: digits });
}

/** A moment (ISO 8601) as date and time of the reader's place. */
export const moment = (iso) =>
  iso ? format(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)) : "–";

/** How long ago a moment is: "3 minutes ago". */
export function ago(iso, now = Date.now()) {
  if (!iso) return "–";
  const seconds = Math.min((new Date(iso).getTime() - now) / 1000, 0);
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (-seconds >= length) {
      return format(Intl.RelativeTimeFormat, { numeric: "auto" }).format(Math.round(seconds / length), unit);
    }
  }
  return format(Intl.RelativeTimeFormat, { numeric: "auto" }).format(Math.round(seconds), "second");
}

/** A length of time in seconds: "1.2 s", "3 min 20 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const unit = (value, name, digits = 0) =>
    number(value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
  if (seconds < 10) return unit(seconds, "second", 1);
  if (seconds < 60) return unit(Math.round(seconds), "second");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.round(seconds) % 60];
  return hours ? `${unit(hours, "hour")} ${unit(minutes, "minute")}` : `${unit(minutes, "minute")} ${unit(rest, "second")}`;
}

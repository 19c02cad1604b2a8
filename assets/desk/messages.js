// The desk's texts, numbers and moments in the reader's language and zone.
import { html, signal } from './html.js';
import { folder } from './place.js';

export const LANGUAGES = { en: 'English', fr: 'Français' };

/** The language in which the desk is shown. */
export const language = signal('en');

const texts = signal({});

/** Whether there is any text yet. */
export const hasTexts = () => 'app.name' in texts.peek();

/** Whether there is a text of this name. */
export const has = (key) => key in texts.value;

/** The language that is known before anybody has logged in: the last one here, or the browser's. */
export function likelyLanguage() {
  let last = null;
  try {
    last = localStorage.getItem('desk.language');
  } catch {
    // A browser that keeps nothing speaks its own language.
  }
  const wanted = [last, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((code) => code in LANGUAGES) || 'en';
}

/** Shows the desk in a language. */
export async function speak(code) {
  const known = code in LANGUAGES ? code : 'en';
  if (known === language.value && hasTexts()) return;
  const response = await fetch(`${folder}messages/${known}.json`);
  texts.value = await response.json();
  language.value = known;
  document.documentElement.lang = known;
  try {
    localStorage.setItem('desk.language', known);
  } catch {
    // It is asked of the server again.
  }
}

const made = new Map();

/** The language with the reader's own region, which writes dates otherwise in London than in New York. */
const locale = () => navigator.languages.find((tag) => tag.slice(0, 2) === language.value) ?? language.value;

/** What formats in the reader's language, made once: making one takes far longer than using it. */
function formatter(Kind, options = {}) {
  const name = `${locale()} ${Kind.name} ${JSON.stringify(options)}`;
  if (!made.has(name)) made.set(name, new Kind(locale(), options));
  return made.get(name);
}

/** A text with its `{places}` filled; of one with plural forms, the form for `count`. */
export function t(key, args = {}) {
  let text = texts.value[key] ?? key;
  if (typeof text === 'object') {
    text = text[formatter(Intl.PluralRules).select(args.count)] ?? text.other;
  }
  return text.replace(/\{(\w+)\}/g, (place, name) => {
    const value = args[name];
    return typeof value === 'number' ? number(value) : (value ?? place);
  });
}

/** A number as the language writes it. */
export const number = (value, options) => formatter(Intl.NumberFormat, options).format(value);

/** Several names as one part of a sentence: all of them, or one of them. */
export const listed = (names, { any = false } = {}) => formatter(Intl.ListFormat, { type: any ? 'disjunction' : 'conjunction' }).format(names);

/** The moment that the server names in UTC without saying so. */
export const moment = (text) => new Date(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);

/** How the server names a moment. */
export const named = (date) => date.toISOString().replace('Z', '');

const format = (date, options) => formatter(Intl.DateTimeFormat, options).format(date);

/** A day of the calendar, which is the same in every zone. */
export const day = (text) => format(new Date(text), { dateStyle: 'medium', timeZone: 'UTC' });

/** A moment of nobody knows which zone, as it is written. */
export const unzoned = (text) => format(new Date(`${text.replace(' ', 'T')}Z`), { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

/** A moment in the reader's zone. */
export const when = (text) => format(moment(text), { dateStyle: 'medium', timeStyle: 'short' });

const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60]];

/** How long ago, or in how long. */
export function since(text, now = Date.now()) {
  const seconds = (moment(text) - now) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) || UNITS.at(-1);
  return formatter(Intl.RelativeTimeFormat, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

/** A moment as the page shows it: in words, and exactly for those who ask. */
export function Moment({ at, relative = false }) {
  if (!at) return null;
  const zone = format(moment(at), { dateStyle: 'full', timeStyle: 'long' });
  return html`<time dateTime=${moment(at).toISOString()} title=${zone}>${relative ? since(at) : when(at)}</time>`;
}

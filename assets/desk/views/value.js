// A value of the data, as the reader's language writes it.
import { html } from '../html.js';
import { Digits, isList, isObject } from '../compare.js';
import { day, number, t, unzoned, when } from '../messages.js';
import { Text } from '../text.js';

const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/;
/** The last words of fields whose numbers are names. */
const NAME = /(^|[_\W])(id|uuid|key|code|number|no|nr|year|phone|account)$/i;
const isName = (field) => typeof field === 'string' && NAME.test(field.replace(/([a-z\d])([A-Z])/g, '$1_$2'));

/** Four digits are often a year, which no language groups. */
const NUMBER = { useGrouping: 'min2', maximumFractionDigits: 20 };

function ofText(text) {
  if (!DAY.test(text) && !MOMENT.test(text)) return text;
  // The 30th of February is no day; then the text is shown as it is.
  if (Number.isNaN(Date.parse(text)) || (new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate() !== Number(text.slice(8, 10)))) return text;
  if (DAY.test(text)) return day(text);
  return /(Z|[+-]\d\d:?\d\d)$/.test(text) ? when(text) : unzoned(text);
}

function ofDigits(digits) {
  const value = Number(digits);
  const [, end = ''] = String(digits).split('.');
  // 12.50 is a number of JavaScript with one more digit to show; what JavaScript would change is shown as it is written.
  const isExact = /^-?\d+\.\d{1,20}$/.test(digits) && String(value) === String(digits).replace(/\.?0+$/, '');
  return isExact ? number(value, { ...NUMBER, minimumFractionDigits: end.length }) : String(digits);
}

/** A value of the field `name` as people of the language write it: numbers, days and moments. */
export function written(value, name) {
  if (typeof value === 'string') return ofText(value);
  if (isName(name)) return String(value);
  if (typeof value === 'number') return number(value, NUMBER);
  return value instanceof Digits ? ofDigits(value) : String(value);
}

/** A value as a text. */
export function Value({ value, name }) {
  if (value === undefined) return html`<span aria-hidden="true">–</span><span class="visually-hidden">${t('value.nothing')}</span>`;
  if (value === null) return html`<i>${t('value.null')}</i>`;
  if (value === true || value === false) return t(value ? 'value.yes' : 'value.no');
  if (value === '') return html`<i>${t('value.blank')}</i>`;
  if (isList(value) || isObject(value)) return html`<i>${t(isList(value) ? 'value.list' : 'value.object')}</i>`;
  const text = written(value, name);
  // Who wants to know what was sent finds it at the value, and in the JSON.
  return html`<span title=${text === String(value) ? null : String(value)}><${Text} value=${text} /></span>`;
}

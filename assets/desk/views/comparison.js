// What is proposed: before and after, side by side.
import { html, useMemo, useState } from '../html.js';
import { compare, isObject, parse, rows } from '../compare.js';
import { t } from '../messages.js';
import { Text } from '../text.js';
import { Value } from './value.js';

/** Rows that are shown at once. */
const SOME = 200;

/** A key of JSON as people write it. */
export const readable = (key) => {
  const words = String(key).replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ').trim();
  return words ? words[0].toUpperCase() + words.slice(1) : String(key);
};

function Line({ row, single }) {
  const { key, depth, inList, node, isGroup } = row;
  const name = inList && typeof key === 'number' ? t('compare.item', { number: key + 1 }) : key === null ? t('compare.value') : readable(key);
  const label = html`<span class=${`indent-${Math.min(depth, 8)}`}><${Text} value=${name} short=${80} /></span>`;
  const mark = node.kind !== 'same' && !single && html` <span class=${`mark ${node.kind}`}>${t(`compare.${node.kind}`)}</span>`;
  if (isGroup) return html`<tr class="group"><th scope="row" colspan=${single ? 2 : 3}>${label}${node.changes === node.leaves && mark}</th></tr>`;
  return html`
    <tr class=${single ? null : node.kind}>
      <th scope="row">${label}${mark}</th>
      ${!single && html`<td data-label=${t('compare.is', { name: t('compare.before') })}>${node.kind === 'added' ? html`<${Value} />` : html`<${Value} value=${node.before} name=${key} />`}</td>`}
      <td data-label=${single ? null : t('compare.is', { name: t('compare.after') })}>${node.kind === 'removed' ? html`<${Value} />` : html`<${Value} value=${node.after} name=${key} />`}</td>
    </tr>`;
}

/** A table of what differs; with `single`, of what is there. */
export function Comparison({ node, single = false, caption }) {
  const [unchanged, setUnchanged] = useState(single || node.changes === 0);
  const [most, setMost] = useState(SOME);
  const all = useMemo(() => [...rows(node, { unchanged: unchanged || single })], [node, unchanged, single]);
  const same = node.leaves - node.changes;
  return html`
    ${!single && node.changes === 0 && html`<p>${t('compare.none')}</p>`}
    <table class="comparison">
      <caption class="visually-hidden">${caption}</caption>
      ${!single && html`<thead><tr><th scope="col">${t('compare.field')}</th><th scope="col">${t('compare.before')}</th><th scope="col">${t('compare.after')}</th></tr></thead>`}
      <tbody>${all.slice(0, most).map((row, at) => html`<${Line} key=${at} row=${row} single=${single} />`)}</tbody>
    </table>
    ${all.length > most && html`<button type="button" onClick=${() => setMost(most + SOME)}>${t('compare.more', { count: all.length - most })}</button>`}
    ${!single && same > 0 && node.changes > 0 && html`<button type="button" class="link" aria-expanded=${unchanged} onClick=${() => setUnchanged(!unchanged)}>
      ${t(unchanged ? 'compare.hide' : 'compare.show', { count: same })}</button>`}`;
}

/** The proposal that a task's data holds: what is there now and what is to be, or the data alone. */
export function proposal(text) {
  const data = parse(text);
  if (isObject(data) && ('incoming_data' in data || 'current_data' in data)) {
    const { current_data: before, incoming_data: after } = data;
    return { data, node: compare(before ?? undefined, after ?? undefined), single: before === undefined || before === null };
  }
  return { data, node: compare(undefined, data), single: true };
}

/** The same, or nothing where it can't be read. */
export function proposed(text) {
  try {
    return proposal(text);
  } catch {
    return null;
  }
}

// The rows of a list of tasks. They are many and change often, so each is drawn as one piece, and anew only when it differs.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { address, href } from '../address.js';
import { counts, current, FILTERS, lands, LISTS, listName, load, page, pick, picked } from '../lists.js';
import { language, since, t } from '../messages.js';
import { painted } from '../paint.js';
import { operationOf, titleOf } from '../task.js';
import { nameOf, Text } from '../text.js';
import { Due, Exact, isOverdue, Priority, Status } from './marks.js';

/** So many rows are drawn at once as a window shows, since none is lower than this; the others follow when these are painted. */
const LOWEST = 54;

/** What is said below the name: each part is a text of others, which reaches no further than its own end. */
function partsOf({ source, businessEvent, flow, taskGroup, claims }) {
  const holder = claims?.[0]?.user;
  return [source, operationOf(businessEvent), flow ? flow.name || flow.code : taskGroup?.code, holder && t('claim.by', { person: nameOf(holder) })].filter(Boolean);
}

/** What a row shows beside its task: a row is drawn again when this changes. */
function stateOf(row) {
  const isOpen = address.value.task === row.uuid;
  return { isOpen, isCurrent: current.value === row.uuid, isPicked: picked.value.has(row.uuid), late: isOverdue(row) };
}

/** A row, as elements alone: components would cost more than they show. */
function drawn(row, place, { isOpen, isCurrent, isPicked, late }) {
  const title = titleOf(row);
  const classes = ['row', late && 'late', row.gone && 'gone', row.fresh && 'fresh', isOpen && 'open', isCurrent && 'current'];
  return html`
    <li key=${row.uuid} class=${classes.filter(Boolean).join(' ')}>
      <label class="pick"><input type="checkbox" disabled=${row.gone} checked=${isPicked} onChange=${(event) => pick(row, event.target.checked)}
        aria-label=${t('list.pick', { task: title })} /></label>
      <div class="what">
        <a href=${href({ task: row.uuid }, place)} aria-current=${isOpen ? 'true' : null} onFocus=${() => (current.value = row.uuid)}>${Text({ value: title, short: 140 })}</a>
        <span class="meta">${partsOf(row).map((part, at) => [at > 0 && ' · ', Text({ value: part, short: 60 })])}</span>
      </div>
      <div class="marks">
        ${row.gone && html`<span class="left">${t('list.left')}</span>`}
        ${Priority(row)}${Due({ task: row })}${Status(row)}
        ${Exact({ class: 'made', at: row.dateCreated, text: t('row.made', { when: since(row.dateCreated) }) })}
      </div>
    </li>`;
}

/** Where there is something to do, when there is nothing here. */
function Elsewhere() {
  const lists = Object.keys(LISTS).filter((name) => name !== listName.value && counts.value[name] > 0);
  return lists.map((name) => html`<p key=${name}><a href=${href({ list: name }, {})}>${t('list.elsewhere', { list: t(`list.${name}`), tasks: t('list.count', { count: counts.value[name] }) })}</a></p>`);
}

export function Rows() {
  const { rows, failure, place, key } = page.value;
  const [whole, setWhole] = useState(null);
  const kept = useRef(new Map());
  const list = useRef();
  useEffect(() => { if (rows && whole !== key) painted().then(() => setWhole(key)); }, [key, rows === null]);
  const at = current.value;
  useLayoutEffect(() => {
    if (!at || address.peek().task || !list.current) return;
    list.current.querySelector('.current a')?.focus();
  }, [at]);
  // What was opened from elsewhere, such as the next task, is shown where it stands in the list.
  const { task } = address.value;
  useLayoutEffect(() => {
    const row = list.current?.querySelector('.row.open');
    if (!row) return;
    const [box, { top, bottom }] = [row.closest('.scroll').getBoundingClientRect(), row.getBoundingClientRect()];
    row.scrollIntoView({ block: bottom < box.top || top > box.bottom ? 'center' : 'nearest' });
  }, [task, key, whole]);
  if (failure) return html`<p class="bad" role="alert">${failure} <button type="button" onClick=${() => load()}>${t('again')}</button></p>`;
  if (!rows || (!rows.length && lands.value)) return html`<p class="quiet-text">${t('loading')}</p>`;
  if (!rows.length) {
    const narrowed = FILTERS.some((name) => address.value[name]);
    return html`<div class="empty"><p>${t(narrowed ? 'list.nothing' : `empty.${listName.value}`)}</p>${!narrowed && html`<${Elsewhere} />`}</div>`;
  }
  // "5 minutes ago" is true for a minute; a link leads to the task in the list that is shown.
  const common = [language.value, Math.trunc(Date.now() / 60_000), href({ task: null }, place)].join();
  const next = new Map();
  for (const row of whole === key ? rows : rows.slice(0, Math.ceil(innerHeight / LOWEST))) {
    const state = stateOf(row);
    const mark = [common, ...Object.values(state)].join();
    const old = kept.current.get(row.uuid);
    next.set(row.uuid, old?.row === row && old.mark === mark ? old : { row, mark, element: drawn(row, place, state) });
  }
  kept.current = next;
  return html`<ul class="rows" ref=${list}>${[...next.values()].map((made) => made.element)}</ul>`;
}

// A list of tasks: search and filters, rows, pages, and what is done with several at once.
import { html, useEffect, useId, useRef, useState } from '../html.js';
import { address, go, href } from '../address.js';
import { useKeys } from '../keys.js';
import { current, DUES, FILTERS, listName, loading, offersNext, openable, page, pick, picked, SORTS, STATUSES, takeNext } from '../lists.js';
import { later } from '../later.js';
import { t } from '../messages.js';
import { explain, tell } from '../notices.js';
import { groups, loadGroups } from '../groups.js';
import { Rows } from './rows.js';

const Bulk = later(() => import('./bulk.js'), 'Bulk');

const narrow = (changes) => go({ ...changes, after: null, before: null });

function Choice({ label, name, value, options }) {
  return html`
    <label>${label}
      <select name=${name} value=${value ?? ''} onChange=${(event) => narrow({ [name]: event.target.value })}>
        ${options.map(([code, text]) => html`<option key=${code} value=${code} selected=${code === (value ?? '')}>${text}</option>`)}
      </select>
    </label>`;
}

function Filters() {
  const place = address.value;
  const search = useRef();
  const sources = useId();
  const [shown, show] = useState(FILTERS.some((name) => name !== 'q' && place[name]));
  const timer = useRef();
  // The back button changes what is searched for, and nobody types then.
  useEffect(() => {
    if (document.activeElement !== search.current) search.current.value = place.q ?? '';
  }, [place.q]);
  useEffect(() => { if (shown) loadGroups(); }, [shown]);
  useKeys({ '/': () => search.current.focus() });
  const type = (name, wait) => (event) => {
    clearTimeout(timer.current);
    const { value } = event.target;
    timer.current = setTimeout(() => narrow({ [name]: value.trim() }), wait);
  };
  const any = [['', t('filter.any')]];
  const known = [...new Set([...groups.value.flatMap((group) => group.taskSources), ...(page.value.rows || []).map((row) => row.source)])];
  const set = FILTERS.filter((name) => name !== 'q' && place[name]).length;
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input ref=${search} type="search" aria-label=${t('filter.search')} placeholder=${t('filter.search')} defaultValue=${place.q ?? ''}
        onInput=${type('q', 300)} aria-keyshortcuts="/" />
      <button type="button" aria-expanded=${shown} onClick=${() => show(!shown)}>${t('filter.more')}${set > 0 && ` (${set})`}</button>
      ${Choice({ label: t('filter.sort'), name: 'sort', value: place.sort, options: [['', t('sort.usual')], ...SORTS.map((key) => [key, t(`sort.${key}`)])] })}
      ${shown && html`
        <div class="more">
          <label>${t('filter.source')}<input name="source" list=${sources} defaultValue=${place.source ?? ''} onChange=${type('source', 0)} /></label>
          <datalist id=${sources}>${known.filter(Boolean).map((source) => html`<option key=${source} value=${source} />`)}</datalist>
          ${Choice({ label: t('filter.status'), name: 'status', value: place.status, options: [...any, ...STATUSES.map((status) => [status, t(`status.${status}`)])] })}
          ${Choice({ label: t('filter.group'), name: 'group', value: place.group, options: [...any, ...groups.value.map((group) => [group.uuid, group.code])] })}
          ${Choice({ label: t('filter.due'), name: 'due', value: place.due, options: [...any, ...DUES.map((due) => [due, t(`due.${due}`)])] })}
          ${Choice({ label: t('filter.priority'), name: 'priority', value: place.priority, options: [...any, ...['50', '70', '90'].map((least) => [least, t('priority.least', { priority: least })])] })}
          <button type="button" onClick=${() => go({ list: place.list, task: place.task, q: null, ...Object.fromEntries(FILTERS.map((name) => [name, null])), after: null, before: null })}>${t('filter.clear')}</button>
        </div>`}
    </form>`;
}

function Pages() {
  const { info, place } = page.value;
  if (!info || (!info.hasNextPage && !info.hasPreviousPage)) return null;
  return html`
    <nav class="pages" aria-label=${t('list.pages')}>
      ${info.hasPreviousPage && html`<a class="button" rel="prev" href=${href({ before: info.startCursor, after: null, task: null }, place)}>${t('list.previous')}</a>`}
      ${info.hasNextPage && html`<a class="button" rel="next" href=${href({ after: info.endCursor, before: null, task: null }, place)}>${t('list.next')}</a>`}
    </nav>`;
}

function walk(step) {
  const rows = openable.value;
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.uuid === (address.value.task ?? current.value));
  const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
  current.value = next.uuid;
  if (address.value.task) go({ task: next.uuid }, { replace: true });
}

/** Takes the next task of the list, and opens it. */
function TakeNext() {
  const [waits, setWaits] = useState(false);
  const take = async () => {
    if (waits) return;
    setWaits(true);
    try {
      const task = await takeNext();
      tell(t(task ? 'done.next' : 'claim.none'));
      if (task) go({ task });
    } catch (failure) {
      tell(explain(failure), { bad: true });
    }
    setWaits(false);
  };
  useKeys({ n: !waits && take });
  return html`<button type="button" class="primary" aria-keyshortcuts="n" aria-disabled=${waits} onClick=${take}>${t('claim.next')}</button>`;
}

/** The same element each time: the rows are drawn anew for what they show, and not for what is around them. */
const ROWS = html`<${Rows} />`;

export function List() {
  const { rows, total } = page.value;
  // What is said of the last act stays after what was picked for it.
  const picks = useRef(false);
  picks.current ||= picked.value.size > 0;
  const all = openable.value;
  const everyPicked = all.length > 0 && all.every((row) => picked.value.has(row.uuid));
  useKeys({
    j: () => walk(1),
    k: () => walk(-1),
    x: () => {
      const row = all.find((row) => row.uuid === current.value);
      if (row) pick(row, !picked.value.has(row.uuid));
    },
  });
  return html`
    <div class="list-head">
      <h1>${t(`list.${listName.value}`)}${total !== null && rows && html` <small>${t('list.total', { count: total })}</small>`}</h1>
      <${Filters} key=${listName.value} />
      <div class="bar">
        ${all.length > 0 && html`
          <label class="check"><input type="checkbox" checked=${everyPicked} onChange=${() => (picked.value = everyPicked ? new Map() : new Map(all.map((row) => [row.uuid, row])))} />
            ${t('list.pickAll')}</label>`}
        ${picks.current && html`<${Bulk} />`}
        ${offersNext.value && picked.value.size === 0 && html`<span class="push"></span><${TakeNext} />`}
      </div>
    </div>
    <div class="scroll" aria-busy=${loading.value}>${ROWS}<${Pages} /></div>`;
}

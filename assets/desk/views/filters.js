// Search, order and filters of a list of tasks. What is chosen stands below the search, and the panel in which it is chosen goes when it has served.
import { html, useEffect, useId, useRef, useState } from '../html.js';
import { address, go } from '../address.js';
import { groups, loadGroups } from '../groups.js';
import { useKeys } from '../keys.js';
import { DUES, FILTERS, page, SORTS, STATUSES } from '../lists.js';
import { t } from '../messages.js';
import { Text } from '../text.js';
import { LEVELS, levelOf } from './marks.js';

/** "Urgent and above"; above the highest there is nothing. */
const atLeast = (least) => (least < LEVELS.at(-1)[0] ? t('priority.least', { level: LEVELS.some(([known]) => known === least) ? levelOf(least) : least }) : levelOf(least));

const CHOSEN = FILTERS.filter((name) => name !== 'q');

const narrow = (changes) => go({ ...changes, after: null, before: null });
const clear = () => narrow(Object.fromEntries(FILTERS.map((name) => [name, null])));

function Choice({ label, name, value, options }) {
  return html`
    <label>${label}
      <select name=${name} value=${value ?? ''} onChange=${(event) => narrow({ [name]: event.target.value })}>
        ${options.map(([code, text]) => html`<option key=${code} value=${code} selected=${code === (value ?? '')}>${text}</option>`)}
      </select>
    </label>`;
}

/** A filter that is set, in the words of its choice. */
function said(name, value) {
  if (name === 'group') return groups.value.find((group) => group.uuid === value)?.code ?? '…';
  if (name === 'status' && STATUSES.includes(value)) return t(`status.${value}`);
  if (name === 'due' && DUES.includes(value)) return t(`due.${value}`);
  if (name === 'priority') return atLeast(Number(value));
  return value;
}

/** What is chosen; a press takes it away. */
const Chosen = ({ place, set }) => html`
  <p class="chosen">
    ${set.map((name) => html`
      <button type="button" class="chip" key=${name} onClick=${() => narrow({ [name]: null })}>
        <span>${t('filter.is', { filter: t(`filter.${name}`) })} <${Text} value=${said(name, place[name])} short=${40} /></span> <span aria-hidden="true">×</span><span class="visually-hidden">${t('filter.drop')}</span>
      </button>`)}
    ${set.length > 1 && html`<button type="button" class="link" onClick=${clear}>${t('filter.clear')}</button>`}
  </p>`;

export function Filters() {
  const place = address.value;
  const [form, search, opener, timer, byKey] = [useRef(), useRef(), useRef(), useRef(), useRef(false)];
  const sources = useId();
  const [shown, show] = useState(false);
  // The back button changes what is searched for, and nobody types then.
  useEffect(() => {
    if (document.activeElement !== search.current) search.current.value = place.q ?? '';
  }, [place.q]);
  useEffect(() => { if (shown || place.group) loadGroups(); }, [shown, place.group]);
  useKeys({ '/': () => search.current.focus() });
  const close = () => {
    if (form.current?.querySelector('.more')?.contains(document.activeElement)) opener.current.focus();
    show(false);
  };
  // Whoever goes on elsewhere has chosen. It goes after the press, which would else meet what comes in its place.
  useEffect(() => {
    if (!shown) return undefined;
    const own = form.current;
    const leave = (event) => event.target.isConnected && !own.contains(event.target) && show(false);
    document.addEventListener('click', leave);
    return () => document.removeEventListener('click', leave);
  }, [shown]);
  const keys = (event) => {
    byKey.current = true;
    if (event.key !== 'Escape' || !shown) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  const type = (name, wait) => (event) => {
    clearTimeout(timer.current);
    const { value } = event.target;
    timer.current = setTimeout(() => narrow({ [name]: value.trim() }), wait);
  };
  const any = [['', t('filter.any')]];
  const known = [...new Set([...groups.value.flatMap((group) => group.taskSources), ...(page.value.rows || []).map((row) => row.source)])];
  const set = CHOSEN.filter((name) => place[name]);
  return html`
    <form class="filters" role="search" ref=${form} onSubmit=${(event) => event.preventDefault()} onKeyDown=${keys} onPointerDown=${() => (byKey.current = false)}>
      <input ref=${search} type="search" aria-label=${t('filter.search')} placeholder=${t('filter.search')} defaultValue=${place.q ?? ''}
        onInput=${type('q', 300)} aria-keyshortcuts="/" />
      <button type="button" ref=${opener} aria-expanded=${shown} onClick=${() => show(!shown)}>${t('filter.more')}</button>
      ${Choice({ label: t('filter.sort'), name: 'sort', value: place.sort, options: [['', t('sort.usual')], ...SORTS.map((key) => [key, t(`sort.${key}`)])] })}
      ${set.length > 0 && html`<${Chosen} place=${place} set=${set} />`}
      ${shown && html`
        <div class="more" onChange=${(event) => event.target.matches('select') && !byKey.current && close()}>
          <label>${t('filter.source')}<input name="source" list=${sources} defaultValue=${place.source ?? ''} onChange=${type('source', 0)} /></label>
          <datalist id=${sources}>${known.filter(Boolean).map((source) => html`<option key=${source} value=${source} />`)}</datalist>
          ${Choice({ label: t('filter.status'), name: 'status', value: place.status, options: [...any, ...STATUSES.map((status) => [status, t(`status.${status}`)])] })}
          ${Choice({ label: t('filter.group'), name: 'group', value: place.group, options: [...any, ...groups.value.map((group) => [group.uuid, group.code])] })}
          ${Choice({ label: t('filter.due'), name: 'due', value: place.due, options: [...any, ...DUES.map((due) => [due, t(`due.${due}`)])] })}
          ${Choice({ label: t('filter.priority'), name: 'priority', value: place.priority, options: [...any, ...LEVELS.slice(1).map(([least]) => [String(least), atLeast(least)])] })}
          <button type="button" onClick=${close}>${t('filter.done')}</button>
        </div>`}
    </form>`;
}

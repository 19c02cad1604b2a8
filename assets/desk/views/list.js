// A list of tasks: rows, pages, and what is done with several at once.
import { html, useRef, useState } from '../html.js';
import { address, go, href } from '../address.js';
import { useKeys } from '../keys.js';
import { current, listName, loading, offersNext, openable, page, pick, picked, takeNext } from '../lists.js';
import { later } from '../later.js';
import { t } from '../messages.js';
import { explain, tell } from '../notices.js';
import { titleOf } from '../task.js';
import { Filters } from './filters.js';
import { Rows } from './rows.js';

const Bulk = later(() => import('./bulk.js'), 'Bulk');

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
      tell(task ? t('done.claimed', { task: titleOf(task) }) : t('claim.none'));
      if (task) go({ task: task.uuid });
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
      ${listName.value === 'decided' && html`<p class="meta">${t('decided.which')}</p>`}
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

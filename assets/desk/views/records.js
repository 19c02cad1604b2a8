// Deciding record by record.
import { html, useMemo, useState } from '../html.js';
import { compare } from '../compare.js';
import { number, t } from '../messages.js';
import { recordsOf } from '../records.js';
import { busy, decide, decides, open as opened, typed } from '../task.js';
import { Text } from '../text.js';
import { Comparison, proposed } from './comparison.js';

/** What the reader has said of the records before. */
function before(task) {
  const own = (task.myDecisions ?? []).filter((vote) => vote.recordId && !vote.isStale);
  return new Map(own.map((vote) => [vote.recordId, vote.decision === 'APPROVED' ? 'ACCEPT' : 'REJECT']));
}

function Record({ record, said, choose, rejected, can }) {
  const [shown, show] = useState(false);
  const name = `record-${record.id}`;
  const option = (verdict) => html`
    <label class=${`choice ${verdict.toLowerCase()}`}><input type="radio" name=${name} disabled=${!can} checked=${said === verdict} onChange=${() => choose(record.id, verdict)} />${t(`record.${verdict}`)}</label>`;
  return html`
    <li class=${said ? `said-${said.toLowerCase()}` : null}>
      <fieldset>
        <legend><button type="button" class="link" aria-expanded=${shown} onClick=${() => show(!shown)}><${Text} value=${record.title} short=${80} /></button>
          ${record.title !== record.id && html` <small><${Text} value=${record.id} short=${40} /></small>`}
          ${rejected && html` <span class="mark removed">${t('record.rejected')}</span>`}</legend>
        <span class="choices">${option('ACCEPT')}${option('REJECT')}</span>
      </fieldset>
      ${shown && html`<${Comparison} node=${compare(undefined, record.value)} single caption=${record.title} />`}
    </li>`;
}

const useRecords = (task) => useMemo(() => recordsOf(task, proposed(task.businessData)?.data ?? null), [task.dataHash]);

/** Tasks as they were when verdicts on their records were chosen, by the hash of their data. */
const seen = new Map();

/**
 * The verdicts that the reader has chosen and not sent. They are kept like what is typed, with the hash of the data on which they are:
 * the vote is on what was seen when the first of them was chosen.
 */
function choices(task) {
  const kept = typed('records', task.uuid);
  const { hash, said } = kept.value ? JSON.parse(kept.value) : { hash: task.dataHash, said: [] };
  const then = hash === task.dataHash ? task : (seen.get(hash) ?? { ...task, dataHash: hash, businessData: null });
  const choose = (verdicts, on = then) => {
    seen.delete(hash);
    if (verdicts.size) seen.set(on.dataHash, on);
    kept.value = verdicts.size ? JSON.stringify({ hash: on.dataHash, said: [...verdicts] }) : '';
  };
  return { said: new Map(said), choose, then };
}

function Bar({ task }) {
  const records = useRecords(task);
  const { said, choose, then } = choices(task);
  const ids = new Set(records.map((record) => record.id));
  const of = (what) => [...said].filter(([id, verdict]) => verdict === what && ids.has(id)).map(([id]) => id);
  const [accepted, refused] = [of('ACCEPT'), of('REJECT')];
  if (accepted.length + refused.length === 0) return null;
  const send = async () => {
    const vote = Object.fromEntries([['ACCEPT', accepted], ['REJECT', refused]].filter(([, ids]) => ids.length));
    if (await decide(vote, then)) {
      choose(new Map());
      return;
    }
    // After a conflict the reader is shown what has changed, and decides on that.
    const { id, task: now } = opened.peek();
    if (now && id === task.uuid) choose(said, now);
  };
  return html`
    <span class="mine" role="status">${t('record.chosen', { accepted: accepted.length, rejected: refused.length })}</span>
    <button type="button" class="primary" aria-disabled=${busy.value} onClick=${send}>${t('record.send')}</button>
    <button type="button" onClick=${() => choose(new Map())}>${t('record.clear')}</button>`;
}

/** The verdicts that are chosen, and the buttons that send them. */
export const RecordBar = ({ task }) => typed('records', task.uuid).value && html`<${Bar} task=${task} />`;

export function Records({ task }) {
  const records = useRecords(task);
  const earlier = useMemo(() => before(task), [task]);
  const { said, choose: keep } = choices(task);
  const [search, setSearch] = useState('');
  const [left, setLeft] = useState(false);
  const can = task.allowedActions.includes('DECIDE_RECORDS') && decides(task);
  const rejected = new Set(task.rejectedRecordIds);
  const verdict = (id) => said.get(id) ?? earlier.get(id);
  const choose = (id, what) => keep(new Map(said).set(id, what));
  const words = search.trim().toLowerCase();
  const shown = records.filter((record) => (!words || `${record.title} ${record.id}`.toLowerCase().includes(words)) && (!left || !verdict(record.id)));
  const all = (what) => keep(new Map([...said, ...shown.filter((record) => !verdict(record.id)).map((record) => [record.id, what])]));
  const open = records.filter((record) => !verdict(record.id)).length;
  return html`
    <section aria-labelledby="records" class="records">
      <h2 id="records">${t('task.records')} <small>${number(records.length)}</small></h2>
      ${records.length === 0 && html`<p>${t('record.none')}</p>`}
      ${records.length > 0 && html`
        <div class="bar">
          <input type="search" aria-label=${t('record.search')} placeholder=${t('record.search')} value=${search} onInput=${(event) => setSearch(event.target.value)} />
          <label class="check"><input type="checkbox" checked=${left} onChange=${(event) => setLeft(event.target.checked)} />${t('record.left', { count: open })}</label>
          ${can && html`<button type="button" onClick=${() => all('ACCEPT')}>${t('record.acceptAll')}</button><button type="button" onClick=${() => all('REJECT')}>${t('record.rejectAll')}</button>`}
        </div>
        <ul class="record-list">${shown.map((record) => html`<${Record} key=${record.id} record=${record} said=${verdict(record.id)} rejected=${rejected.has(record.id)} choose=${choose} can=${can} />`)}</ul>`}
    </section>`;
}

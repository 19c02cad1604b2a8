// Several tasks at once, with an outcome for each.
import { html, useEffect, useState } from '../html.js';
import { ask, mutate } from '../api.js';
import { can, count, load, picked } from '../lists.js';
import { t } from '../messages.js';
import { explain } from '../notices.js';
import { may } from '../session.js';
import { asksMe, items, titleOf } from '../task.js';
import { Text } from '../text.js';
import { assign, assignable, PersonChoice, Target } from './assign.js';
import { Dialog } from './dialog.js';

/** The acts, by what a task must allow for them. */
const ACTS = {
  approve: { needs: 'APPROVE', votes: true, run: (tasks, reason) => each('resolveTasks', items(tasks, 'APPROVED', reason)) },
  reject: { needs: 'FAIL', votes: true, run: (tasks, reason) => each('resolveTasks', items(tasks, 'FAILED', reason)), reason: true },
  claim: { needs: 'CLAIM', run: (tasks) => each('claimTasks', tasks.map(({ uuid }) => ({ id: uuid }))) },
  hand: { needs: 'ASSIGN', chooses: PersonOf, run: (tasks, _, userId) => each('assignTasks', tasks.map(({ uuid }) => ({ id: uuid, userId }))) },
  assign: { needs: 'UPDATE', part: 'assign', chooses: Target, run: (tasks, _, target) => oneByOne(tasks, target) },
  weigh: { needs: 'RE_EVALUATE', run: (tasks) => outcomesOf('reEvaluateTasks', { ids: tasks.map((task) => task.uuid) }) },
};

async function outcomesOf(name, input) {
  const { outcomes } = await mutate(name, { ...input, mode: 'EACH' }, 'outcomes { id ok code message }');
  return outcomes;
}

const each = (name, list) => outcomesOf(name, { items: list });

async function oneByOne(tasks, target) {
  const outcomes = [];
  for (const task of tasks) {
    const failure = await mutate('updateTask', assign(task, target)).then(() => null, (error) => error);
    outcomes.push({ id: task.uuid, ok: !failure, message: failure && explain(failure) });
  }
  return outcomes;
}

/** A choice of the people to whom any of the tasks can be given. */
function PersonOf({ tasks, value, choose }) {
  const people = new Map(tasks.flatMap(assignable).map((user) => [user.id, user]));
  return html`<${PersonChoice} people=${[...people.values()]} value=${value} choose=${choose} />`;
}

const USER = '{ id username otherNames lastName }';
const PEOPLE = `claims { user { id } } progress { pools { missing ${USER} votes { user { id } } } }`;

/** A server answers so many fields at once that a page of tasks with their people is too much. */
const AT_ONCE = 25;

/** The tasks as they are now: what is decided on is what the reader is shown in the dialog. */
async function look(rows, more) {
  const fields = rows.map((row, at) => `t${at}: task(id: "${row.uuid}") { edges { node { uuid version dataHash source status entityString businessEvent allowedActions ${more} } } }`);
  const parts = [];
  for (let at = 0; at < fields.length; at += AT_ONCE) parts.push(ask(`{ ${fields.slice(at, at + AT_ONCE).join(' ')} }`, {}, { partly: true }));
  const found = Object.assign({}, ...(await Promise.all(parts)));
  return rows.map((row, at) => found[`t${at}`]?.edges[0]?.node ?? { ...row, allowedActions: [] });
}

function Outcomes({ tasks, outcomes }) {
  const names = new Map(tasks.map((task) => [task.uuid, titleOf(task)]));
  const done = outcomes.filter((outcome) => outcome.ok).length;
  return html`
    <p role="status">${t('bulk.done', { count: done })} ${outcomes.length > done && t('bulk.refused', { count: outcomes.length - done })}</p>
    <ul class="outcomes">
      ${outcomes.map((outcome) => html`
        <li key=${outcome.id} class=${outcome.ok ? 'good' : 'bad'}>
          <b>${t(outcome.ok ? 'bulk.ok' : 'bulk.no')}</b> <${Text} value=${names.get(outcome.id) ?? outcome.id} short=${100} />
          ${outcome.message && html`<br /><${Text} value=${explain(outcome)} />`}
        </li>`)}
    </ul>`;
}

function Act({ name, close }) {
  const { needs, votes, run, chooses, reason: needsReason } = ACTS[name];
  const [tasks, setTasks] = useState(null);
  const [outcomes, setOutcomes] = useState(null);
  const [failure, setFailure] = useState('');
  const [reason, setReason] = useState('');
  const [target, setTarget] = useState('');
  const [waits, setWaits] = useState(false);
  useEffect(() => { look([...picked.value.values()], votes || name === 'hand' ? PEOPLE : '').then(setTasks, (error) => setFailure(explain(error))); }, []);
  const able = tasks?.filter((task) => task.allowedActions.includes(needs)) ?? [];
  // Who may decide on all tasks is told of those on which others are asked.
  const others = new Set(votes ? able.filter((task) => !asksMe(task)) : []);
  const submit = async (event) => {
    event.preventDefault();
    if (waits) return;
    setWaits(true);
    setFailure('');
    try {
      setOutcomes(await run(able, reason.trim(), target));
      picked.value = new Map();
      load({ quietly: true });
      count();
    } catch (error) {
      setFailure(explain(error));
    }
    setWaits(false);
  };
  return html`
    <${Dialog} title=${t(`bulk.${name}`)} close=${close}>
      ${failure && html`<p class="bad" role="alert">${failure}</p>`}
      ${outcomes ? html`<${Outcomes} tasks=${tasks} outcomes=${outcomes} /><p><button type="button" class="primary" onClick=${close}>${t('dialog.close')}</button></p>` : html`
        <form onSubmit=${submit}>
          ${!tasks ? html`<p>${t('loading')}</p>` : html`
            ${able.length < tasks.length && html`<p>${t('bulk.unable', { count: tasks.length - able.length })}</p>`}
            ${others.size > 0 && html`<p class="instead">${t('bulk.instead', { count: others.size })}</p>`}
            <p id="able">${t('bulk.able', { count: able.length })}</p>
            <div class="scrolled" tabindex="0" role="region" aria-labelledby="able">
              <ul class="names">${able.map((task) => html`<li key=${task.uuid}><${Text} value=${titleOf(task)} short=${100} />${others.has(task) && html` <small>${t('bulk.notAsked')}</small>`}</li>`)}</ul>
            </div>
            ${chooses && html`<${chooses} tasks=${able} value=${target} choose=${setTarget} />`}
            ${votes && html`<label>${t(needsReason ? 'decide.why' : 'decide.reason')}
              <textarea rows="3" required=${needsReason} value=${reason} onInput=${(event) => setReason(event.target.value)}></textarea></label>`}
            <p class="buttons">
              <button class=${needsReason ? 'danger' : 'primary'} disabled=${!able.length || (chooses && !target)} aria-disabled=${waits}>${t(`bulk.${name}`)}</button>
              <button type="button" onClick=${close}>${t('cancel')}</button>
            </p>`}
        </form>`}
    <//>`;
}

export function Bulk() {
  const [act, setAct] = useState(null);
  const rows = [...picked.value.values()];
  const shown = Object.keys(ACTS).filter((name) => (!ACTS[name].part || may.value[ACTS[name].part]) && rows.some((row) => can(row, ACTS[name].needs)));
  return html`
    ${rows.length > 0 && html`<span>${t('bulk.picked', { count: rows.length })}</span>${shown.map((name) => html`<button type="button" key=${name} onClick=${() => setAct(name)}>${t(`bulk.${name}`)}</button>`)}`}
    ${act && html`<${Act} name=${act} close=${() => setAct(null)} />`}`;
}

// What the reader may do with the task. The server says what that is.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { useKeys } from '../keys.js';
import { named, moment, t } from '../messages.js';
import { may } from '../session.js';
import { act, busy, decide, open as opened, titleOf, typed } from '../task.js';
import { nameOf } from '../text.js';
import { assign, Target } from './assign.js';
import { Dialog } from './dialog.js';

/** The people who are asked about the task. */
const asked = (task) => {
  const people = task.progress.pools.flatMap((pool) => [...pool.missing, ...pool.votes.map((vote) => vote.user)]);
  return [...new Map(people.map((user) => [user.id, user])).values()];
};

function AssignPerson({ task, close }) {
  const [person, setPerson] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    await act('assignTask', { id: task.uuid, userId: person }, { done: t('done.assigned') });
    close();
  };
  return html`
    <${Dialog} title=${t('act.ASSIGN')} close=${close}>
      <form onSubmit=${submit}>
        <label>${t('assign.person')}
          <select required value=${person} onChange=${(event) => setPerson(event.target.value)}>
            <option value="">${t('assign.choose')}</option>
            ${asked(task).map((user) => html`<option key=${user.id} value=${atob(user.id).split(':')[1]}>${nameOf(user)}</option>`)}
          </select>
        </label>
        <p class="buttons"><button class="primary" disabled=${!person || busy.value}>${t('act.ASSIGN')}</button><button type="button" onClick=${close}>${t('cancel')}</button></p>
      </form>
    <//>`;
}

/** A moment as an input of the browser wants it: in the reader's zone, without seconds. */
function local(text) {
  if (!text) return '';
  const at = moment(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Plan({ task, close }) {
  const [target, setTarget] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    const { due, followUp, priority } = event.target.elements;
    const date = (input) => (input.value ? named(new Date(input.value)) : null);
    const input = target ? assign(task, target) : { id: task.uuid, expectedVersion: task.version };
    if (due.value !== local(task.dueDate)) input.dueDate = date(due);
    if (followUp.value !== local(task.followUpDate)) input.followUpDate = date(followUp);
    if (Number(priority.value) !== task.priority) input.priority = Number(priority.value);
    await act('updateTask', input, { done: t('done.planned') });
    close();
  };
  return html`
    <${Dialog} title=${t('act.UPDATE')} close=${close}>
      <form onSubmit=${submit}>
        <fieldset class="plain"><${Target} value=${target} choose=${setTarget} optional /></fieldset>
        <label>${t('fact.due')}<input name="due" type="datetime-local" defaultValue=${local(task.dueDate)} /></label>
        <label>${t('fact.followUp')}<input name="followUp" type="datetime-local" defaultValue=${local(task.followUpDate)} /></label>
        <label>${t('filter.priority')}<input name="priority" type="number" min="0" max="100" required defaultValue=${task.priority} /></label>
        <p class="buttons"><button class="primary" disabled=${busy.value}>${t('save')}</button><button type="button" onClick=${close}>${t('cancel')}</button></p>
      </form>
    <//>`;
}

/** The reason of a decision, and the button that makes it. */
function Confirm({ task, verdict, close }) {
  const reason = typed('reason', task.uuid);
  const [field, button] = [useRef(), useRef()];
  const rejects = verdict === 'FAILED';
  useLayoutEffect(() => (rejects ? field : button).current.focus(), []);
  // A change that comes meanwhile is shown; the vote is on what was seen when it began, until its reader was told of the change.
  const seen = useRef(task);
  const submit = async (event) => {
    event.preventDefault();
    if (!busy.value && !(await decide(verdict, seen.current))) seen.current = opened.peek().task ?? seen.current;
  };
  const keys = (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
  };
  return html`
    <form class="confirm" onSubmit=${submit} onKeyDown=${keys}>
      <label>${t(rejects ? 'decide.why' : 'decide.reason')}
        <textarea ref=${field} rows="2" required=${rejects} value=${reason.value} onInput=${(event) => (reason.value = event.target.value)}></textarea>
      </label>
      <p class="buttons">
        <button ref=${button} class=${rejects ? 'danger' : 'primary'} disabled=${busy.value}>${t(rejects ? 'decide.reject' : 'decide.approve')}</button>
        <button type="button" onClick=${close}>${t('cancel')}</button>
      </p>
    </form>`;
}

export function Decide({ task }) {
  const [open, setOpen] = useState(null);
  const can = (action) => task.allowedActions.includes(action);
  const close = () => setOpen(null);
  useEffect(close, [task.uuid]);
  useKeys({ a: can('APPROVE') && (() => setOpen('APPROVED')), r: can('FAIL') && (() => setOpen('FAILED')) });
  const simple = (action, mutation, done, input = {}) =>
    can(action) && html`<button type="button" key=${action} disabled=${busy.value} onClick=${() => act(mutation, { id: task.uuid, ...input }, { done: t(done, { task: titleOf(task) }) })}>${t(`act.${action}`)}</button>`;
  const mine = task.myDecisions?.find((vote) => vote.recordId === null);
  const plans = can('UPDATE') && may.value.assign;
  const shown = ['APPROVE', 'FAIL', 'CLAIM', 'RELEASE', 'ASSIGN', 'WITHDRAW', 'RE_EVALUATE'].some(can) || plans;
  if (!shown) return null;
  if ((open === 'APPROVED' && can('APPROVE')) || (open === 'FAILED' && can('FAIL'))) {
    return html`<div class="decide"><${Confirm} key=${open} task=${task} verdict=${open} close=${close} /></div>`;
  }
  return html`
    <div class="decide" role="group" aria-label=${t('task.acts')}>
      ${mine && html`<span class="mine">${t('decide.mine', { verdict: t(`verdict.${mine.decision}`) })}</span>`}
      ${can('APPROVE') && html`<button type="button" class=${mine ? null : 'primary'} aria-keyshortcuts="a" disabled=${busy.value} onClick=${() => setOpen('APPROVED')}>${t('act.APPROVE')}</button>`}
      ${can('FAIL') && html`<button type="button" class="danger" aria-keyshortcuts="r" disabled=${busy.value} onClick=${() => setOpen('FAILED')}>${t('act.FAIL')}</button>`}
      ${simple('CLAIM', 'claimTask', 'done.claimed')}
      ${simple('RELEASE', 'releaseTask', 'done.released')}
      ${can('ASSIGN') && html`<button type="button" onClick=${() => setOpen('person')}>${t('act.ASSIGN')}</button>`}
      ${simple('WITHDRAW', 'withdrawTaskDecision', 'done.withdrawn', { expectedDataHash: task.dataHash })}
      ${simple('RE_EVALUATE', 'reEvaluateTask', 'done.weighed')}
      ${plans && html`<button type="button" onClick=${() => setOpen('plan')}>${t('act.UPDATE')}</button>`}
      ${open === 'person' && html`<${AssignPerson} task=${task} close=${close} />`}
      ${open === 'plan' && html`<${Plan} task=${task} close=${close} />`}
    </div>`;
}

// What the reader may do with the task. The server says what that is.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { useKeys } from '../keys.js';
import { listed, t } from '../messages.js';
import { may, me } from '../session.js';
import { act, asksMe, busy, decide, decides, instead, open as opened, titleOf, trouble, typed } from '../task.js';
import { keyOf, Text } from '../text.js';
import { AssignPerson } from './assign.js';
import { Delete, Plan } from './plan.js';
import { RecordBar } from './records.js';

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
    <form class="confirm" data-back=${`.decide [data-act=${verdict}]`} onSubmit=${submit} onKeyDown=${keys}>
      <label>${t(rejects ? 'decide.why' : 'decide.reason')}
        <textarea ref=${field} rows="2" required=${rejects} value=${reason.value} onInput=${(event) => (reason.value = event.target.value)}></textarea>
      </label>
      <p class="buttons">
        <button ref=${button} class=${rejects ? 'danger' : 'primary'} aria-disabled=${busy.value}>${t(rejects ? 'decide.reject' : 'decide.approve')}</button>
        <button type="button" onClick=${close}>${t('cancel')}</button>
      </p>
    </form>`;
}

/** In whose place somebody decides who is not asked. */
function InPlace({ task }) {
  const groups = [...new Set(task.progress.pools.map((pool) => pool.taskGroup.code))];
  return html`<p class="instead"><${Text} value=${t('instead.what', { groups: listed(groups) })} /></p>`;
}

export function Decide({ task }) {
  const [open, setOpen] = useState(null);
  const can = (action) => task.allowedActions.includes(action);
  const close = () => setOpen(null);
  useEffect(close, [task.uuid]);
  // A vote in the place of those who are asked has no key, and comes after one press more, which names it.
  const isAsked = asksMe(task);
  const votes = ['APPROVE', 'FAIL', 'DECIDE_RECORDS'].some(can);
  const canVote = (action) => can(action) && decides(task);
  useKeys({ a: isAsked && can('APPROVE') && (() => setOpen('APPROVED')), r: isAsked && can('FAIL') && (() => setOpen('FAILED')) });
  const verdict = (action, what, style, key) =>
    canVote(action) && html`<button type="button" key=${action} class=${style} data-act=${what} aria-keyshortcuts=${isAsked ? key : null} aria-disabled=${busy.value} onClick=${() => setOpen(what)}>${t(`act.${action}`)}</button>`;
  const simple = (action, mutation, done, input = {}) =>
    can(action) && html`<button type="button" key=${action} aria-disabled=${busy.value} onClick=${() => act(mutation, { id: task.uuid, ...input }, { done: t(done, { task: titleOf(task) }) })}>${t(`act.${action}`)}</button>`;
  const mine = task.myDecisions?.find((vote) => vote.recordId === null);
  // `updateTask` takes dates of whoever has taken the task or gives tasks to people, and the rest of triage.
  const holds = task.claims.some((claim) => keyOf(claim.user.id) === me.value.id);
  const plans = can('UPDATE') && (may.value.assign || can('ASSIGN') || holds);
  const shown = votes || plans || ['CLAIM', 'RELEASE', 'ASSIGN', 'WITHDRAW', 'RE_EVALUATE', 'DELETE'].some(can);
  const begin = (dialog) => {
    trouble.value = null;
    setOpen(dialog);
  };
  if (!shown) return null;
  if ((open === 'APPROVED' && canVote('APPROVE')) || (open === 'FAILED' && canVote('FAIL'))) {
    return html`<div class="decide"><${Confirm} key=${open} task=${task} verdict=${open} close=${close} /></div>`;
  }
  return html`
    <div class="decide" role="group" aria-label=${t('task.acts')}>
      ${mine && html`<span class="mine">${t('decide.mine', { verdict: t(`verdict.${mine.decision}`) })}</span>`}
      ${votes && !isAsked && decides(task) && html`<${InPlace} task=${task} />`}
      ${canVote('DECIDE_RECORDS') && html`<${RecordBar} task=${task} />`}
      ${verdict('APPROVE', 'APPROVED', isAsked && !mine ? 'primary' : null, 'a')}
      ${verdict('FAIL', 'FAILED', 'danger', 'r')}
      ${simple('CLAIM', 'claimTask', 'done.claimed')}
      ${simple('RELEASE', 'releaseTask', 'done.released')}
      ${can('ASSIGN') && html`<button type="button" onClick=${() => begin('person')}>${t('act.ASSIGN')}</button>`}
      ${simple('WITHDRAW', 'withdrawTaskDecision', 'done.withdrawn', { expectedDataHash: task.dataHash })}
      ${simple('RE_EVALUATE', 'reEvaluateTask', 'done.weighed')}
      ${plans && html`<button type="button" onClick=${() => begin('plan')}>${t(may.value.assign ? 'act.UPDATE' : 'act.DATES')}</button>`}
      ${votes && !decides(task) && html`<button type="button" onClick=${() => (instead.value = task.uuid)}>${t('act.INSTEAD')}</button>`}
      ${can('DELETE') && html`<button type="button" onClick=${() => begin('delete')}>${t('act.DELETE')}</button>`}
      ${open === 'person' && html`<${AssignPerson} task=${task} close=${close} />`}
      ${open === 'plan' && html`<${Plan} task=${task} close=${close} />`}
      ${open === 'delete' && html`<${Delete} task=${task} close=${close} />`}
    </div>`;
}

// How far a task is, who has decided, who is missing and why it waits: in words and as a picture.
import { html } from '../html.js';
import { Moment, t } from '../messages.js';
import { nameOf, Person, Text } from '../text.js';

/** The words that say why the task waits, or that it does not. */
function words(task) {
  const { progress } = task;
  if (task.status === 'COMPLETED' || task.status === 'FAILED') return t(`progress.${task.status}`);
  if (task.status === 'RECEIVED') return t('progress.RECEIVED');
  if (progress.held) return t(`held.${progress.heldReason}`);
  const missing = progress.pools.flatMap((pool) => pool.missing.map(nameOf));
  const left = progress.pools.reduce((sum, pool) => sum + Math.max(0, pool.needed - pool.has), 0);
  return t('progress.waits', { count: left, people: missing.slice(0, 5).join(', ') + (missing.length > 5 ? ` ${t('progress.others', { count: missing.length - 5 })}` : '') });
}

function Steps({ task }) {
  const { flow, progress } = task;
  if (!flow) return null;
  const orders = [...new Set(flow.steps.map((step) => step.order))].sort((a, b) => a - b);
  const active = new Set(progress.pools.map((pool) => pool.step?.order));
  const first = Math.min(...(active.size ? active : [task.status === 'COMPLETED' ? Infinity : 0]));
  const state = (order) => (active.has(order) ? 'active' : order < first ? 'passed' : 'later');
  return html`
    <p>${t('progress.steps', { passed: progress.passedCount ?? 0, all: progress.stepCount ?? flow.steps.length })} <${Text} value=${flow.name || flow.code} /></p>
    <ol class="steps">
      ${orders.map((order) => html`
        <li key=${order} class=${state(order)} aria-current=${active.has(order) ? 'step' : null}>
          ${flow.steps.filter((step) => step.order === order).map((step) => html`<span key=${step.uuid}><${Text} value=${step.taskGroup.code} short=${40} /></span>`)}
          <small>${t(`step.${state(order)}`)}</small>
        </li>`)}
    </ol>`;
}

function verdictOf(vote) {
  if (vote.verdict) return t(`verdict.${vote.verdict}`);
  return t('verdict.records', { accepted: vote.acceptedCount, rejected: vote.rejectedCount });
}

function Pool({ pool }) {
  const seat = (user, kind, text, more) => html`
    <li key=${`${kind}${user.id}`} class=${`seat ${kind}`}>
      <span class="face" aria-hidden="true">${(nameOf(user)[0] ?? '?').toUpperCase()}</span>
      <span><${Person} user=${user} /><small>${text}</small>${more}</span>
    </li>`;
  const kind = (vote) => (vote.verdict === 'FAILED' ? 'no' : 'yes');
  return html`
    <section class="pool">
      <h3><${Text} value=${pool.taskGroup.code} /></h3>
      <p>${t(`policy.${pool.policy.kind}`, { count: pool.policy.threshold ?? 1 })} <meter min="0" max=${Math.max(1, pool.needed)} value=${pool.has} aria-label=${t('progress.of', { has: pool.has, needed: pool.needed })}></meter> ${t('progress.of', { has: pool.has, needed: pool.needed })}</p>
      ${pool.held && html`<p class="bad">${t(`held.${pool.heldReason}`)}</p>`}
      <ul class="seats">
        ${pool.votes.map((vote) => seat(vote.user, kind(vote), verdictOf(vote), html`<small><${Moment} at=${vote.date} relative /></small>`))}
        ${pool.missing.filter((user) => !pool.votes.some((vote) => vote.user.id === user.id)).map((user) => seat(user, 'missing', t('seat.missing')))}
        ${pool.barred.map(({ user, reason }) => seat(user, 'barred', t(`barred.${reason}`)))}
      </ul>
    </section>`;
}

export const Progress = ({ task }) => html`
  <section aria-labelledby="progress">
    <h2 id="progress">${t('task.progress')}</h2>
    <p class=${task.progress.held ? 'why bad' : 'why'}>${words(task)}</p>
    <${Steps} task=${task} />
    ${task.progress.pools.map((pool) => html`<${Pool} key=${pool.step?.uuid ?? pool.taskGroup.code} pool=${pool} />`)}
  </section>`;

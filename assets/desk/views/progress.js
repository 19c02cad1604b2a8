// How far a task is, who has decided, who is missing and why it waits: in words and as a picture.
import { html } from '../html.js';
import { listed, Moment, moment, t, when } from '../messages.js';
import { me } from '../session.js';
import { keyOf, nameOf, Person, Text } from '../text.js';
import { isOpen, isOverdue } from './marks.js';

/** So many names a sentence takes. */
const NAMES = 5;

const isMe = (user) => keyOf(user.id) === me.value.id;

/** People as a part of a sentence, the reader first. */
function named(people, { any }) {
  const names = people.filter((user) => !isMe(user)).map(nameOf);
  if (names.length < people.length) names.unshift(t('progress.you'));
  const shown = names.length > NAMES + 1 ? [...names.slice(0, NAMES), t('progress.others', { count: names.length - NAMES })] : names;
  return listed(shown, { any });
}

/** What a pool waits for. */
function missing({ needed, has, missing: people, policy, held, heldReason }) {
  if (held) return t(`held.${heldReason}`);
  const count = Math.max(0, needed - has);
  if (policy.kind === 'WEIGHT') return t('progress.weighs', { count, people: named(people, { any: true }) });
  const any = count < people.length;
  return t(any && count > 1 ? 'progress.any' : 'progress.waits', { count, people: named(people, { any }) });
}

/** The numbers of the steps that a task has: those that are asked at the same time have one number. */
export const orders = ({ flow }) => [...new Set(flow.steps.map((step) => step.order))].sort((a, b) => a - b);

/** Why the task waits, in sentences. */
function sentences(task) {
  const { status, progress, flow, claims, decisions } = task;
  const against = status === 'FAILED' ? decisions.edges.map((edge) => edge.node).filter((vote) => vote.decision === 'FAILED') : [];
  if (against.length) return [t('progress.rejectedBy', { people: named(against.map((vote) => vote.user), {}) })];
  if (status !== 'ACCEPTED') return [t(`progress.${status}`)];
  const { pools } = progress;
  const said = [];
  if (flow && pools.length) {
    const [all, groups] = [orders(task), pools.map((pool) => pool.taskGroup.code)];
    said.push(t('progress.step', { number: all.indexOf(pools[0].step?.order) + 1, all: all.length, groups: listed(groups) }));
  }
  if (progress.held) said.push(t(`held.${progress.heldReason}`));
  else if (pools.length === 1) said.push(missing(pools[0]));
  else said.push(...pools.map((pool) => `${pool.taskGroup.code}: ${missing(pool)}`));
  const holders = claims.map((claim) => claim.user).filter((user) => !isMe(user));
  if (holders.length) said.push(t('progress.taken', { people: listed(holders.map(nameOf)) }));
  const own = pools.flatMap((pool) => pool.barred).find((bar) => isMe(bar.user));
  if (own) said.push(t(`progress.barred.${own.reason}`));
  if (task.followUpDate && moment(task.followUpDate) > Date.now() && !isOverdue(task)) said.push(t('progress.rests', { when: when(task.followUpDate) }));
  return said;
}

/** Why the task waits, in words. */
export const Why = ({ task }) => html`
  <p class=${isOpen(task) && task.progress.held ? 'why bad' : 'why'}><${Text} value=${sentences(task).join(' ')} short=${2000} /></p>`;

/** How far each step is. Of a task that is over, those that were never reached will not be. */
function stateOf(order, { task, active }) {
  if (active.has(order)) return 'active';
  if (isOpen(task)) return order < Math.min(...(active.size ? active : [0])) ? 'passed' : 'later';
  const last = task.currentStep?.order ?? -Infinity;
  if (order > last) return 'never';
  return order === last && task.status === 'FAILED' ? 'rejected' : 'passed';
}

function Steps({ task }) {
  const { flow, progress } = task;
  if (!flow) return null;
  const active = new Set(progress.pools.map((pool) => pool.step?.order));
  const state = (order) => stateOf(order, { task, active });
  return html`
    <p>${t('progress.steps', { passed: progress.passedCount ?? 0, all: progress.stepCount ?? flow.steps.length })} <${Text} value=${flow.name || flow.code} /></p>
    <ol class="steps">
      ${orders(task).map((order) => html`
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

/** The picture: steps and seats. A task that nobody is asked about has none. */
export const Progress = ({ task }) =>
  (task.flow || task.progress.pools.length > 0) && html`
    <section aria-labelledby="progress">
      <h2 id="progress">${t('task.progress')}</h2>
      <${Steps} task=${task} />
      ${task.progress.pools.map((pool) => html`<${Pool} key=${pool.step?.uuid ?? pool.taskGroup.code} pool=${pool} />`)}
    </section>`;

// Assigning a task: to a group or flow for triage, to a person for those who may.
import { html, useEffect, useState } from '../html.js';
import { ask } from '../api.js';
import { t } from '../messages.js';
import { act, busy } from '../task.js';
import { keyOf, nameOf } from '../text.js';
import { Dialog, Refusal } from './dialog.js';

/** So many groups and flows are offered at once; more are looked for. */
const SOME = 100;
const TARGETS = `query($search: String) { taskAssignmentTargets(search: $search, first: ${SOME}) { kind uuid code name memberCount stepCount } }`;

/** The input of `updateTask` that assigns a task to `KIND:uuid`. */
export function assign(task, target) {
  const [kind, uuid] = target.split(':');
  return { id: task.uuid, expectedVersion: task.version, ...(kind === 'FLOW' ? { flowId: uuid } : { taskGroupId: uuid, status: 'ACCEPTED' }) };
}

/** A choice of groups and flows. */
export function Target({ value, choose, optional = false }) {
  const [targets, setTargets] = useState([]);
  const [search, setSearch] = useState('');
  const [many, setMany] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => ask(TARGETS, { search }).then((found) => {
      setTargets(found.taskAssignmentTargets);
      if (found.taskAssignmentTargets.length === SOME) setMany(true);
    }, () => {}), search ? 300 : 0);
    return () => clearTimeout(timer);
  }, [search]);
  const option = (target) => {
    const size = target.kind === 'FLOW' ? t('assign.steps', { count: target.stepCount ?? 0 }) : t('assign.people', { count: target.memberCount ?? 0 });
    const code = `${target.kind}:${target.uuid}`;
    return html`<option key=${code} value=${code} selected=${code === value}>${target.name || target.code} (${size})</option>`;
  };
  const kinds = ['GROUP', 'FLOW'].map((kind) => [kind, targets.filter((target) => target.kind === kind)]);
  return html`
    ${many && html`<label>${t('assign.find')}<input type="search" value=${search} onInput=${(event) => { setSearch(event.target.value); choose(''); }} /></label>`}
    <label>${t('assign.to')}
      <select name="target" required=${!optional} value=${value} onChange=${(event) => choose(event.target.value)}>
        <option value="">${t(optional ? 'assign.same' : 'assign.choose')}</option>
        ${kinds.map(([kind, list]) => list.length > 0 && html`<optgroup key=${kind} label=${t(`assign.${kind}`)}>${list.map(option)}</optgroup>`)}
      </select>
    </label>`;
}

/** The people to whom a task can be given: those who may decide, have not, and have not taken it. */
export function assignable({ progress, claims }) {
  const holders = new Set(claims.map((claim) => claim.user.id));
  const people = progress.pools.flatMap((pool) => {
    const voted = new Set(pool.votes.map((vote) => vote.user.id));
    return pool.missing.filter((user) => !voted.has(user.id) && !holders.has(user.id));
  });
  return [...new Map(people.map((user) => [user.id, user])).values()];
}

/** A choice of people. */
export const PersonChoice = ({ people, value, choose }) => html`
  <label>${t('assign.person')}
    <select name="person" required value=${value} onChange=${(event) => choose(event.target.value)}>
      <option value="">${t('assign.choose')}</option>
      ${people.map((user) => html`<option key=${user.id} value=${keyOf(user.id)} selected=${keyOf(user.id) === value}>${nameOf(user)}</option>`)}
    </select>
  </label>`;

export function AssignPerson({ task, close }) {
  const [person, setPerson] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    if (await act('assignTask', { id: task.uuid, userId: person }, { done: t('done.assigned') })) close();
  };
  return html`
    <${Dialog} title=${t('act.ASSIGN')} close=${close}>
      <form onSubmit=${submit}>
        <${Refusal} />
        <${PersonChoice} people=${assignable(task)} value=${person} choose=${setPerson} />
        <p class="buttons"><button class="primary" disabled=${!person} aria-disabled=${busy.value}>${t('act.ASSIGN')}</button><button type="button" onClick=${close}>${t('cancel')}</button></p>
      </form>
    <//>`;
}

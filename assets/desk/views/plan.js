// Who decides on a task, when it is due and how urgent it is; and taking it from the lists for good.
import { html, useState } from '../html.js';
import { moment, named, t } from '../messages.js';
import { may } from '../session.js';
import { act, busy, titleOf } from '../task.js';
import { Text } from '../text.js';
import { assign, Target } from './assign.js';
import { Dialog, Refusal } from './dialog.js';
import { LEVELS, levelWith } from './marks.js';

/** A moment as an input of the browser wants it: in the reader's zone, without seconds. */
function local(text) {
  if (!text) return '';
  const at = moment(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Priorities as words, the one that the task has among them. */
function Urgency({ task }) {
  const all = [...new Set([...LEVELS.map(([least]) => least), task.priority])].sort((a, b) => b - a);
  return html`
    <label>${t('filter.priority')}
      <select name="priority">
        ${all.map((priority) => html`<option key=${priority} value=${priority} selected=${priority === task.priority}>${levelWith(priority)}</option>`)}
      </select>
    </label>`;
}

/** Triage says all of it; whoever has taken the task, or gives tasks to people, says when. */
export function Plan({ task, close }) {
  const [target, setTarget] = useState('');
  const all = may.value.assign;
  const submit = async (event) => {
    event.preventDefault();
    const { due, followUp, priority } = event.target.elements;
    const date = (input) => (input.value ? named(new Date(input.value)) : null);
    const input = target ? assign(task, target) : { id: task.uuid, expectedVersion: task.version };
    if (due.value !== local(task.dueDate)) input.dueDate = date(due);
    if (followUp.value !== local(task.followUpDate)) input.followUpDate = date(followUp);
    if (priority && Number(priority.value) !== task.priority) input.priority = Number(priority.value);
    if (await act('updateTask', input, { done: t('done.planned') })) close();
  };
  return html`
    <${Dialog} title=${t(all ? 'act.UPDATE' : 'act.DATES')} close=${close}>
      <form onSubmit=${submit}>
        <${Refusal} />
        ${all && html`<fieldset class="plain"><${Target} value=${target} choose=${setTarget} optional /></fieldset>`}
        <label>${t('fact.due')}<input name="due" type="datetime-local" defaultValue=${local(task.dueDate)} /></label>
        <label>${t('fact.followUp')}<input name="followUp" type="datetime-local" defaultValue=${local(task.followUpDate)} /></label>
        ${all && html`<${Urgency} task=${task} />`}
        <p class="buttons"><button class="primary" aria-disabled=${busy.value}>${t('save')}</button><button type="button" onClick=${close}>${t('cancel')}</button></p>
      </form>
    <//>`;
}

export function Delete({ task, close }) {
  const submit = async (event) => {
    event.preventDefault();
    const input = { ids: [task.uuid], expectedVersion: task.version };
    if (await act('deleteTask', input, { done: t('done.deleted', { task: titleOf(task) }), onward: true })) close();
  };
  return html`
    <${Dialog} title=${t('act.DELETE')} close=${close}>
      <form onSubmit=${submit}>
        <${Refusal} />
        <p><b><${Text} value=${titleOf(task)} short=${200} /></b></p>
        <p>${t('delete.what')}</p>
        <p class="buttons"><button class="danger" aria-disabled=${busy.value}>${t('delete.yes')}</button><button type="button" onClick=${close}>${t('cancel')}</button></p>
      </form>
    <//>`;
}

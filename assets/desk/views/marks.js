// Small marks that lists and tasks share: what state a task is in, how urgent it is, when it is due.
import { html } from '../html.js';
import { moment, since, t, when } from '../messages.js';

const OPEN = ['RECEIVED', 'ACCEPTED'];

export const isOpen = (task) => OPEN.includes(task.status);
export const isOverdue = (task) => isOpen(task) && task.dueDate && moment(task.dueDate) < Date.now();

export const Status = ({ status }) => html`<span class=${`status ${status.toLowerCase()}`}>${t(`status.${status}`)}</span>`;

/** Urgent is what is above the usual 50 by a good deal. */
const URGENT = 70;

/** A moment of which the page says something, and exactly what it is to those who point at it. */
export const Exact = ({ at, text, class: name }) => html`
  <time class=${name} dateTime=${at} onPointerEnter=${(event) => (event.currentTarget.title = when(at))}>${text}</time>`;

export const Priority = ({ priority }) =>
  priority >= URGENT ? html`<span class="priority" title=${t('priority.is', { priority })}>${t('priority.high')}</span>` : null;

export function Due({ task }) {
  if (!task.dueDate) return null;
  const late = isOverdue(task);
  const words = t(late ? 'due.late' : 'due.by', { when: since(task.dueDate) });
  return Exact({ class: late ? 'due late' : 'due', at: task.dueDate, text: words });
}

// Small marks that lists and tasks share: what state a task is in, how urgent it is, when it is due.
import { html } from '../html.js';
import { moment, since, t, when } from '../messages.js';

const OPEN = ['RECEIVED', 'ACCEPTED'];

export const isOpen = (task) => OPEN.includes(task.status);
export const isOverdue = (task) => isOpen(task) && task.dueDate && moment(task.dueDate) < Date.now();

export const Status = ({ status }) => html`<span class=${`status ${status.toLowerCase()}`}>${t(`status.${status}`)}</span>`;

/** The words for priorities: from which number on each is meant. 50 is usual. */
export const LEVELS = [[0, 'low'], [50, 'usual'], [70, 'high'], [90, 'highest']];
const URGENT = 70;

/** A priority as a word. */
export const levelOf = (priority) => t(`priority.${LEVELS.findLast(([least]) => least <= priority)?.[1] ?? 'low'}`);

/** The same with its number, where both are wanted. */
export const levelWith = (priority) => t('priority.with', { level: levelOf(priority), priority });

/** A moment of which the page says something, and exactly what it is to those who point at it. */
export const Exact = ({ at, text, class: name }) => html`
  <time class=${name} dateTime=${at} onPointerEnter=${(event) => (event.currentTarget.title = when(at))}>${text}</time>`;

export const Priority = ({ priority }) =>
  priority >= URGENT ? html`<span class="priority" title=${t('priority.is', { priority })}>${levelOf(priority)}</span>` : null;

export function Due({ task }) {
  if (!task.dueDate || !isOpen(task)) return null;
  const late = isOverdue(task);
  const words = t(late ? 'due.late' : 'due.by', { when: since(task.dueDate) });
  return Exact({ class: late ? 'due late' : 'due', at: task.dueDate, text: words });
}

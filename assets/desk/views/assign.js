// Assigning a task: to a group or flow for triage, to a person for those who may.
import { html, useEffect, useState } from '../html.js';
import { ask } from '../api.js';
import { t } from '../messages.js';

const TARGETS = 'query($search: String) { taskAssignmentTargets(search: $search, first: 100) { kind uuid code name memberCount stepCount } }';

/** The input of `updateTask` that assigns a task to `KIND:uuid`. */
export function assign(task, target) {
  const [kind, uuid] = target.split(':');
  return { id: task.uuid, expectedVersion: task.version, ...(kind === 'FLOW' ? { flowId: uuid } : { taskGroupId: uuid, status: 'ACCEPTED' }) };
}

/** A choice of groups and flows. */
export function Target({ value, choose, optional = false }) {
  const [targets, setTargets] = useState([]);
  useEffect(() => { ask(TARGETS, { search: '' }).then((found) => setTargets(found.taskAssignmentTargets), () => {}); }, []);
  const option = (target) => {
    const size = target.kind === 'FLOW' ? t('assign.steps', { count: target.stepCount ?? 0 }) : t('assign.people', { count: target.memberCount ?? 0 });
    const code = `${target.kind}:${target.uuid}`;
    return html`<option key=${code} value=${code} selected=${code === value}>${target.name || target.code} (${size})</option>`;
  };
  const kinds = ['GROUP', 'FLOW'].map((kind) => [kind, targets.filter((target) => target.kind === kind)]);
  return html`
    <label>${t('assign.to')}
      <select required=${!optional} value=${value} onChange=${(event) => choose(event.target.value)}>
        <option value="">${t(optional ? 'assign.same' : 'assign.choose')}</option>
        ${kinds.map(([kind, list]) => list.length > 0 && html`<optgroup key=${kind} label=${t(`assign.${kind}`)}>${list.map(option)}</optgroup>`)}
      </select>
    </label>`;
}

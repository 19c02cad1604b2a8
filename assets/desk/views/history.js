// The history of a task: what each version changed, by whom and why.
import { html, useEffect, useState } from '../html.js';
import { ask } from '../api.js';
import { compare } from '../compare.js';
import { Moment, t, when } from '../messages.js';
import { explain } from '../notices.js';
import { keyOf, nameOf, Person, Text } from '../text.js';
import { Comparison, proposed } from './comparison.js';
import { levelWith } from './marks.js';
import { peopleOf } from './mentions.js';
import { orders } from './progress.js';

const USER = '{ id username otherNames lastName }';
const VERSION = `historyId version historyDate historyType historyChangeReason historyUser ${USER} status priority dueDate followUpDate
  entityString businessStatus dataHash jsonExt taskGroup { code } flow { code } currentStep { uuid order taskGroup { code } }`;
const SOME = 20;
const QUERY = `query($id: ID!, $after: String) { taskHistory(id: $id, first: ${SOME}, after: $after, orderBy: ["-version"]) {
  pageInfo { hasNextPage endCursor } edges { node { ${VERSION} } } } }`;
const DATA = 'query($id: ID!, $version: Int!) { taskHistory(id: $id, version: $version) { edges { node { data } } } }';

/** A vote as `businessStatus` has it: a verdict, or records by what is to become of them. */
const verdictOf = (vote) => {
  if (vote === undefined) return t('history.none');
  if (typeof vote === 'string') return t(`verdict.${vote}`);
  return t('verdict.records', { accepted: vote?.ACCEPT?.length ?? 0, rejected: vote?.REJECT?.length ?? 0 });
};

/** Whose vote has changed, and to what. */
function votes(now, before, names) {
  try {
    const [old, after] = [JSON.parse(before.businessStatus), JSON.parse(now.businessStatus)];
    const ids = [...new Set([...Object.keys(old), ...Object.keys(after)])].filter((id) => JSON.stringify(old[id]) !== JSON.stringify(after[id]));
    if (ids.length && ids.every((id) => names.has(id))) return ids.map((id) => t('history.vote', { person: names.get(id), after: verdictOf(after[id]) }));
  } catch {
    // Hosts can write there what they like.
  }
  return [t('history.votes')];
}

/** What a version changed, in words. `names`: those of the people of the task, `numbers`: how its steps are ordered. */
function changes(now, before, { names, numbers }) {
  if (!before) return [];
  const said = [];
  if (now.entityString !== before.entityString) said.push(t('history.name', { before: before.entityString || t('history.none'), after: now.entityString || t('history.none') }));
  const day = (value) => (value ? when(value) : t('history.none'));
  if (now.status !== before.status) said.push(t('history.status', { before: t(`status.${before.status}`), after: t(`status.${now.status}`) }));
  if (now.taskGroup?.code !== before.taskGroup?.code) said.push(t('history.group', { before: before.taskGroup?.code ?? t('history.none'), after: now.taskGroup?.code ?? t('history.none') }));
  if (now.flow?.code !== before.flow?.code) said.push(t('history.flow', { after: now.flow?.code ?? t('history.none') }));
  if (now.priority !== before.priority) said.push(t('history.priority', { before: levelWith(before.priority), after: levelWith(now.priority) }));
  for (const field of ['dueDate', 'followUpDate']) {
    if (now[field] !== before[field]) said.push(t(`history.${field}`, { before: day(before[field]), after: day(now[field]) }));
  }
  const step = now.currentStep;
  if (step && step.uuid !== before.currentStep?.uuid) said.push(t('history.step', { number: numbers.indexOf(step.order) + 1 || step.order, group: step.taskGroup.code }));
  if (now.businessStatus !== before.businessStatus) said.push(...votes(now, before, names));
  if (now.dataHash !== before.dataHash) said.push(t('history.data'));
  if (now.jsonExt !== before.jsonExt) said.push(t('history.ext'));
  return said.length || now.historyType === 'DELETED' ? said : [t('history.nothing')];
}

function Data({ id, version }) {
  const [node, setNode] = useState(null);
  const [failure, setFailure] = useState('');
  const read = async () => {
    const at = (version) => ask(DATA, { id, version }).then((found) => proposed(found.taskHistory.edges[0].node.data)?.data);
    try {
      const [before, after] = await Promise.all([at(version - 1), at(version)]);
      setNode(compare(before, after));
    } catch (error) {
      setFailure(explain(error));
    }
  };
  if (failure) return html`<p class="bad">${failure}</p>`;
  if (node) return html`<${Comparison} node=${node} caption=${t('history.data')} />`;
  return html`<button type="button" class="link" onClick=${read}>${t('history.compare')}</button>`;
}

function Version({ id, now, before, known }) {
  const said = changes(now, before, known);
  return html`
    <li>
      <p><b>${t(`history.${now.version === 1 ? 'CREATED' : now.historyType}`)}</b> · <${Moment} at=${now.historyDate} />${now.historyUser && html` · <${Person} user=${now.historyUser} />`}</p>
      ${said.length > 0 && html`<ul>${said.map((text) => html`<li key=${text}><${Text} value=${text} /></li>`)}</ul>`}
      ${now.historyChangeReason && html`<p class="quote"><${Text} value=${now.historyChangeReason} /></p>`}
      ${before && now.dataHash !== before.dataHash && html`<${Data} id=${id} version=${now.version} />`}
    </li>`;
}

function Timeline({ task }) {
  const [state, setState] = useState({ versions: [], more: true });
  const [failure, setFailure] = useState('');
  const read = async (after, known) => {
    try {
      const { taskHistory } = await ask(QUERY, { id: task.uuid, after });
      setState({ versions: [...known, ...taskHistory.edges.map((edge) => edge.node)], more: taskHistory.pageInfo.hasNextPage, end: taskHistory.pageInfo.endCursor });
      setFailure('');
    } catch (error) {
      setFailure(explain(error));
    }
  };
  useEffect(() => { read(undefined, []); }, [task.version]);
  const { versions } = state;
  const people = [...versions.map((version) => version.historyUser).filter(Boolean), ...peopleOf(task), ...task.decisions.edges.map((edge) => edge.node.user)];
  const known = { names: new Map(people.map((user) => [keyOf(user.id), nameOf(user)])), numbers: task.flow ? orders(task) : [] };
  // The oldest that is here is told of when the one before it is known.
  const shown = state.more ? versions.slice(0, -1) : versions;
  return html`
    ${failure && html`<p class="bad" role="alert">${failure}</p>`}
    <ol class="timeline">${shown.map((now, at) => html`<${Version} key=${now.historyId} id=${task.uuid} now=${now} before=${versions[at + 1]} known=${known} />`)}</ol>
    ${state.more && versions.length > 0 && html`<button type="button" onClick=${() => read(state.end, versions)}>${t('history.more')}</button>`}`;
}

export function History({ task }) {
  const [shown, show] = useState(false);
  return html`
    <section aria-labelledby="history">
      <h2 id="history"><button type="button" class="fold" aria-expanded=${shown} onClick=${() => show(!shown)}>${t('task.history')} <small>${t('history.versions', { count: task.version })}</small></button></h2>
      ${shown && html`<${Timeline} task=${task} />`}
    </section>`;
}

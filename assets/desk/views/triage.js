// What triage looks at beside tasks: groups with their people, and deliveries that failed.
import { html, useEffect, useRef, useState } from '../html.js';
import { href } from '../address.js';
import { ask, mutate } from '../api.js';
import { has, Moment, t } from '../messages.js';
import { explain, explainUnseen, tell } from '../notices.js';
import { More, useMore } from '../paging.js';
import { keyOf, Person, Text } from '../text.js';

const PAGE = 'totalCount pageInfo { hasNextPage endCursor }';
const PEOPLE = (page) => `taskexecutorSet(${page}) { ${PAGE} edges { node { uuid user { id username otherNames lastName } } } }`;
const GROUPS = `query($after: String, $search: String) { taskGroup(first: 50, after: $after, search: $search, orderBy: ["code"]) { ${PAGE}
  edges { node { uuid code taskSources policy { kind threshold } ${PEOPLE('first: 20')} } } } }`;
const MORE_PEOPLE = `query($id: ID!, $after: String) { taskGroup(id: $id) { edges { node { ${PEOPLE('first: 100, after: $after')} } } } }`;
const DEAD = `query($after: String) { taskEvents(status: DEAD, first: 50, after: $after) { ${PAGE}
  edges { node { id signal handler entityId attempts dateCreated lastError } } } }`;

/** The first page of what `read` answers, asked for when `key` changes. */
function useFirst(read, key = '') {
  const [state, setState] = useState({});
  const turn = useRef(0);
  const again = () => {
    const mine = (turn.current += 1);
    return read().then((page) => mine === turn.current && setState({ page }), (failure) => mine === turn.current && setState({ failure: explainUnseen(failure) }));
  };
  useEffect(() => { again(); }, [key]);
  return { ...state, again };
}

const Waiting = ({ failure, again }) =>
  failure ? html`<p class="bad" role="alert">${failure} <button type="button" onClick=${again}>${t('again')}</button></p>` : html`<p class="quiet-text">${t('loading')}</p>`;

function People({ group }) {
  const read = (after) => ask(MORE_PEOPLE, { id: group.uuid, after }).then((found) => found.taskGroup.edges[0].node.taskexecutorSet);
  const pages = useMore(group.taskexecutorSet, read);
  if (pages.rows.length === 0) return html`<p class="bad">${t('groups.empty')}</p>`;
  return html`
    <p class="meta">${t('assign.people', { count: group.taskexecutorSet.totalCount })}</p>
    <ul class="names">${pages.rows.map(({ uuid, user }) => html`<li key=${uuid}><${Person} user=${user} /></li>`)}</ul>
    <${More} of=${pages} label=${t('groups.morePeople')} />`;
}

function GroupCards({ page, read }) {
  const pages = useMore(page, read);
  if (pages.rows.length === 0) return html`<p class="empty">${t('groups.none')}</p>`;
  return html`
    <ul class="cards">
      ${pages.rows.map((group) => html`
        <li key=${group.uuid}>
          <h2><a href=${href({ list: 'all', group: group.uuid, status: 'ACCEPTED' }, {})}><${Text} value=${group.code} /></a></h2>
          <p>${t(`policy.${group.policy.kind}`, { count: group.policy.threshold ?? 1 })}</p>
          ${group.taskSources.length > 0 && html`<p class="meta">${t('groups.sources')} ${group.taskSources.map((source, at) => html`${at > 0 && ', '}<${Text} value=${source} />`)}</p>`}
          <${People} group=${group} />
        </li>`)}
    </ul>
    <${More} of=${pages} label=${t('groups.more')} />`;
}

export function Groups() {
  const [search, setSearch] = useState('');
  const timer = useRef();
  const read = (after) => ask(GROUPS, { after, search: search || undefined }).then((found) => found.taskGroup);
  const { page, ...state } = useFirst(read, search);
  const type = (event) => {
    clearTimeout(timer.current);
    const { value } = event.target;
    timer.current = setTimeout(() => setSearch(value.trim()), 300);
  };
  return html`
    <h1>${t('list.groups')} ${page && html`<small>${t('groups.total', { count: page.totalCount })}</small>`}</h1>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input type="search" aria-label=${t('groups.find')} placeholder=${t('groups.find')} onInput=${type} />
    </form>
    ${page ? html`<${GroupCards} key=${search} page=${page} read=${read} />` : html`<${Waiting} ...${state} />`}`;
}

/** What happened that was to be told, in words; a program's own name of it is better than nothing. */
const happened = ({ signal }) => (has(`signal.${signal}`) ? t(`signal.${signal}`) : signal);

function DeliveryCards({ page, read, again }) {
  const pages = useMore(page, read);
  const [waits, setWaits] = useState(false);
  const replay = async (ids) => {
    if (waits) return;
    setWaits(true);
    try {
      await mutate('replayTaskEvents', { ids });
      tell(t('done.replayed', { count: ids.length }));
    } catch (error) {
      tell(explain(error), { bad: true });
    }
    setWaits(false);
    again();
  };
  if (pages.rows.length === 0) return html`<p class="empty">${t('deliveries.none')}</p>`;
  return html`
    <p><button type="button" aria-disabled=${waits} onClick=${() => replay(pages.rows.map((row) => keyOf(row.id)))}>${t('deliveries.all')}</button></p>
    <ul class="cards">
      ${pages.rows.map((row) => html`
        <li key=${row.id}>
          <h2><${Text} value=${happened(row)} /></h2>
          <p class="meta">${t('deliveries.to')} <${Text} value=${row.handler} /> · <${Moment} at=${row.dateCreated} /> · ${t('deliveries.tried', { count: row.attempts })} · <a href=${href({ list: 'all', task: row.entityId }, {})}>${t('deliveries.task')}</a></p>
          <p class="quote"><${Text} value=${row.lastError} /></p>
          <button type="button" aria-disabled=${waits} onClick=${() => replay([keyOf(row.id)])}>${t('deliveries.replay')}</button>
        </li>`)}
    </ul>
    <${More} of=${pages} label=${t('deliveries.more')} />`;
}

export function Deliveries() {
  const read = (after) => ask(DEAD, { after }).then((found) => found.taskEvents);
  const { page, ...state } = useFirst(read);
  return html`
    <h1>${t('list.deliveries')} ${page && html`<small>${t('deliveries.total', { count: page.totalCount })}</small>`}</h1>
    ${page ? html`<${DeliveryCards} page=${page} read=${read} again=${state.again} />` : html`<${Waiting} ...${state} />`}`;
}

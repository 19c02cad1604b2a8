// What triage looks at beside tasks: groups with their people, and deliveries that failed.
import { html, useEffect, useState } from '../html.js';
import { href } from '../address.js';
import { ask, mutate } from '../api.js';
import { Moment, t } from '../messages.js';
import { explain, tell } from '../notices.js';
import { Person, Text } from '../text.js';

const GROUPS = `{ taskGroup(first: 100, orderBy: ["code"]) { edges { node { uuid code taskSources policy { kind threshold }
  taskexecutorSet(first: 100) { totalCount edges { node { uuid user { id username otherNames lastName } } } } } } } }`;
const DEAD = `query($after: String) { taskEvents(status: DEAD, first: 50, after: $after) { totalCount pageInfo { hasNextPage endCursor }
  edges { node { id signal handler entityId attempts dateCreated lastError } } } }`;

function useAnswer(query, variables = {}) {
  const [state, setState] = useState({});
  const read = () => ask(query, variables).then((data) => setState({ data }), (failure) => setState({ failure: explain(failure) }));
  useEffect(() => { read(); }, []);
  return { ...state, read };
}

const Waiting = ({ failure, read }) =>
  failure ? html`<p class="bad" role="alert">${failure} <button type="button" onClick=${read}>${t('again')}</button></p>` : html`<p class="quiet-text">${t('loading')}</p>`;

export function Groups() {
  const { data, failure, read } = useAnswer(GROUPS);
  return html`
    <h1>${t('list.groups')}</h1>
    ${!data ? html`<${Waiting} failure=${failure} read=${read} />` : html`
      <ul class="cards">
        ${data.taskGroup.edges.map(({ node }) => html`
          <li key=${node.uuid}>
            <h2><a href=${href({ list: 'all', group: node.uuid, status: 'ACCEPTED' }, {})}><${Text} value=${node.code} /></a></h2>
            <p>${t(`policy.${node.policy.kind}`, { count: node.policy.threshold ?? 1 })}</p>
            ${node.taskSources.length > 0 && html`<p class="meta">${t('groups.sources')} ${node.taskSources.map((source, at) => html`${at > 0 && ', '}<${Text} value=${source} />`)}</p>`}
            ${node.taskexecutorSet.edges.length === 0 ? html`<p class="bad">${t('groups.empty')}</p>` : html`
              <ul class="names">${node.taskexecutorSet.edges.map((edge) => html`<li key=${edge.node.uuid}><${Person} user=${edge.node.user} /></li>`)}</ul>`}
          </li>`)}
      </ul>`}`;
}

export function Deliveries() {
  const { data, failure, read } = useAnswer(DEAD);
  const [waits, setWaits] = useState(false);
  const replay = async (ids) => {
    setWaits(true);
    try {
      await mutate('replayTaskEvents', { ids });
      tell(t('done.replayed', { count: ids.length }));
    } catch (error) {
      tell(explain(error), { bad: true });
    }
    setWaits(false);
    read();
  };
  if (!data) return html`<h1>${t('list.deliveries')}</h1><${Waiting} failure=${failure} read=${read} />`;
  const rows = data.taskEvents.edges.map((edge) => edge.node);
  const key = (row) => atob(row.id).split(':')[1];
  return html`
    <h1>${t('list.deliveries')} <small>${t('deliveries.total', { count: data.taskEvents.totalCount })}</small></h1>
    ${rows.length === 0 ? html`<p class="empty">${t('deliveries.none')}</p>` : html`
      <p><button type="button" disabled=${waits} onClick=${() => replay(rows.map(key))}>${t('deliveries.all')}</button></p>
      <ul class="cards">
        ${rows.map((row) => html`
          <li key=${row.id}>
            <h2><${Text} value=${row.signal} /> → <${Text} value=${row.handler} /></h2>
            <p class="meta"><${Moment} at=${row.dateCreated} /> · ${t('deliveries.tried', { count: row.attempts })} · <a href=${href({ list: 'all', task: row.entityId }, {})}>${t('deliveries.task')}</a></p>
            <p class="quote"><${Text} value=${row.lastError} /></p>
            <button type="button" disabled=${waits} onClick=${() => replay([key(row)])}>${t('deliveries.replay')}</button>
          </li>`)}
      </ul>`}`;
}

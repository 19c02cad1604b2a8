// The runs of functions that carry out what was decided on a task.
import { html, useEffect, useState } from '../html.js';
import { ask } from '../api.js';
import { Moment, t } from '../messages.js';
import { explain } from '../notices.js';
import { More, useMore } from '../paging.js';
import { Text } from '../text.js';
import { isOpen } from './marks.js';

const RUNS = `query($id: ID!, $after: String) { task(id: $id) { edges { node { runs(first: 20, after: $after) { pageInfo { hasNextPage endCursor }
  edges { node { uuid functionName status statusChangedTimestamp run { result error { message } } } } } } } } }`;

/** A run goes on without a new version of its task: while one does, it is looked at again so often, in milliseconds. */
const PAUSE = 5_000;

/** A server of an earlier version knows no runs of tasks, and is asked once. */
let known = true;

const goesOn = ({ node }) => node.status === 'NEW' || node.status === 'IN_PROGRESS';

function Run({ run: { functionName, status, statusChangedTimestamp, run } }) {
  return html`
    <li class=${{ COMPLETE: 'good', FAILED: 'bad' }[status] ?? null}>
      <b>${t(`run.${status}`)}</b> · <${Text} value=${functionName} short=${80} /> · <${Moment} at=${statusChangedTimestamp} />
      ${run?.error && html`<p class="quote"><${Text} value=${run.error.message} /></p>`}
      ${run?.result && run.result !== 'null' && html`<p class="quote"><${Text} value=${run.result} short=${200} /></p>`}
    </li>`;
}

function All({ first, read }) {
  const pages = useMore(first, read);
  return html`
    <section aria-labelledby="runs">
      <h2 id="runs">${t('task.runs')}</h2>
      <ul class="decisions">${pages.rows.map((run) => html`<${Run} key=${run.uuid} run=${run} />`)}</ul>
      <${More} of=${pages} label=${t('runs.more')} />
    </section>`;
}

export function Runs({ task }) {
  const [state, setState] = useState({ first: null, failure: '' });
  const read = (after) => ask(RUNS, { id: task.uuid, after }).then((found) => found.task.edges[0].node.runs);
  useEffect(() => {
    if (!known || isOpen(task)) return undefined;
    let timer = null;
    let gone = false;
    const look = async () => {
      try {
        const first = await read();
        if (gone) return;
        setState({ first, failure: '' });
        if (first.edges.some(goesOn)) timer = setTimeout(look, PAUSE);
      } catch (failure) {
        if (failure.code === 'OFFLINE' || failure.code === 'UNAVAILABLE') {
          if (!gone) setState({ first: null, failure: explain(failure) });
        } else known = false;
      }
    };
    look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [task.uuid, task.version]);
  if (state.failure) return html`<p class="bad">${state.failure}</p>`;
  return state.first?.edges.length > 0 && html`<${All} first=${state.first} read=${read} />`;
}

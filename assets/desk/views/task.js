// A task: what is proposed, how far it is, what was said, what has happened, and what the reader may do.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../html.js';
import { address, href } from '../address.js';
import { ask } from '../api.js';
import { compare } from '../compare.js';
import { Moment, t } from '../messages.js';
import { explain } from '../notices.js';
import { rendered, rendererOf } from '../renderers.js';
import { More, useMore } from '../paging.js';
import { DECISIONS, open, operationOf, reload, titleOf, trouble } from '../task.js';
import { Person, Text } from '../text.js';
import { Comments } from './comments.js';
import { Comparison, proposed } from './comparison.js';
import { Decide } from './decide.js';
import { History } from './history.js';
import { Due, Priority, Status } from './marks.js';
import { Progress, Why } from './progress.js';
import { Records } from './records.js';
import { Runs } from './runs.js';

function Fact({ name, children }) {
  return html`<div><dt>${t(`fact.${name}`)}</dt><dd>${children}</dd></div>`;
}

function Facts({ task }) {
  return html`
    <dl class="facts">
      <${Fact} name="source"><${Text} value=${task.source} short=${80} /><//>
      ${task.businessEvent && html`<${Fact} name="event"><${Text} value=${operationOf(task.businessEvent)} short=${80} /><//>`}
      <${Fact} name="maker"><${Person} user=${task.userCreated} /><//>
      <${Fact} name="made"><${Moment} at=${task.dateCreated} /><//>
      ${(task.flow || task.taskGroup) && html`<${Fact} name="group"><${Text} value=${task.flow ? task.flow.name || task.flow.code : task.taskGroup.code} short=${80} /><//>`}
      ${task.dueDate && html`<${Fact} name="due"><${Moment} at=${task.dueDate} /><//>`}
      ${task.followUpDate && html`<${Fact} name="followUp"><${Moment} at=${task.followUpDate} /><//>`}
      ${task.claims.map((claim) => html`<${Fact} key=${claim.uuid} name="claim"><${Person} user=${claim.user} /> <small>${t('claim.until')} <${Moment} at=${claim.dateUntil} /></small><//>`)}
    </dl>`;
}

/** Why the last act was refused; after a conflict, what has changed since the reader looked. */
function Trouble({ task }) {
  const box = useRef();
  const { failure, seen } = trouble.value ?? {};
  useEffect(() => { if (failure) box.current?.focus(); }, [failure]);
  const changed = useMemo(() => {
    if (failure?.code !== 'CONFLICT' || !seen?.businessData || seen.dataHash === task.dataHash) return null;
    const [before, after] = [proposed(seen.businessData), proposed(task.businessData)];
    return before && after && compare(before.data, after.data);
  }, [failure, task.dataHash]);
  if (!failure) return null;
  return html`
    <div class="trouble" role="alert" tabindex="-1" ref=${box}>
      <p><b>${t(changed ? 'conflict.data' : failure.code === 'CONFLICT' ? 'conflict.title' : 'trouble.title')}</b></p>
      <p>${explain(failure)}</p>
      ${failure.code === 'CONFLICT' && html`<p>${t('conflict.kept')}</p>`}
      ${changed && html`<${Comparison} node=${changed} caption=${t('conflict.data')} />`}
      <button type="button" onClick=${() => (trouble.value = null)}>${t('trouble.seen')}</button>
    </div>`;
}

const RAW = 'query($id: ID!) { task(id: $id) { edges { node { data } } } }';

function pretty(text) {
  try {
    // Numbers that JavaScript would change stay as they were sent.
    return /\d{16}|\d[eE]/.test(text) ? text : JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Raw({ id }) {
  const [shown, show] = useState(false);
  const [text, setText] = useState(null);
  const toggle = () => {
    show(!shown);
    if (text === null) ask(RAW, { id }).then((found) => setText(pretty(found.task.edges[0]?.node.data ?? '')), (failure) => setText(explain(failure)));
  };
  return html`
    <p><button type="button" class="link" aria-expanded=${shown} onClick=${toggle}>${t(shown ? 'raw.hide' : 'raw.show')}</button></p>
    ${shown && html`<pre class="raw" tabindex="0" role="region" aria-label=${t('raw.name')}><${Text} value=${text ?? t('loading')} short=${100_000} /></pre>`}`;
}

function Proposal({ task }) {
  const text = task.businessData;
  const found = useMemo(() => proposed(text), [text]);
  const own = found && rendered(task, found.data);
  return html`
    <section aria-labelledby="proposal">
      <h2 id="proposal">${t('task.proposal')}</h2>
      ${own ?? (found ? html`<${Comparison} node=${found.node} single=${found.single} caption=${t('task.proposal')} />` : html`<p>${t('raw.unreadable')}</p>`)}
      <${Raw} key=${task.dataHash} id=${task.uuid} />
    </section>`;
}

const LATER = `query($id: ID!, $after: String) { task(id: $id) { edges { node { ${DECISIONS('first: 100, after: $after')} } } } }`;

function Decisions({ task }) {
  const pages = useMore(task.decisions, (after) => ask(LATER, { id: task.uuid, after }).then((found) => found.task.edges[0].node.decisions));
  const all = pages.rows;
  return html`
    <section aria-labelledby="decisions">
      <h2 id="decisions">${t('task.decisions')}</h2>
      ${all.length === 0 && html`<p class="quiet-text">${t('decisions.none')}</p>`}
      <ul class="decisions">
        ${all.map((vote) => html`
          <li key=${vote.uuid} class=${vote.decision === 'APPROVED' ? 'good' : 'bad'}>
            <b>${t(`verdict.${vote.decision}`)}</b> · <${Person} user=${vote.user} /> · <${Moment} at=${vote.dateCreated} />
            ${vote.flowStep && html` · <${Text} value=${vote.flowStep.taskGroup.code} />`}
            ${vote.comment && html`<p class="quote"><${Text} value=${vote.comment} /></p>`}
          </li>`)}
      </ul>
      <${More} of=${pages} label=${t('decisions.more')} />
    </section>`;
}

/** Whether the records are what is decided: outside of flows the server takes verdicts on records too, which decide nothing. */
const decidesRecords = (task) => {
  const can = (action) => task.allowedActions.includes(action);
  const has = task.rejectedRecordIds.length > 0 || task.myDecisions?.some((vote) => vote.recordId);
  return has || (can('DECIDE_RECORDS') && (!can('APPROVE') || Boolean(rendererOf(task.source)?.records)));
};

export function Task() {
  const { task, failure, id } = open.value;
  const heading = useRef();
  useLayoutEffect(() => { if (task) heading.current?.focus({ preventScroll: true }); }, [task?.uuid]);
  const back = html`<a class="back" href=${href({ task: null })}>${t('task.back')}</a>`;
  if (failure) return html`${back}<p class="bad" role="alert">${failure} <button type="button" onClick=${reload}>${t('again')}</button></p>`;
  if (!task || id !== address.value.task) return html`${back}<p class="quiet-text" aria-busy="true">${t('loading')}</p>`;
  return html`
    <div class="scroll">
      <article>
        ${back}
        <h1 tabindex="-1" ref=${heading}><${Text} value=${titleOf(task)} short=${200} /></h1>
        <p class="marks"><${Status} status=${task.status} /><${Priority} priority=${task.priority} /><${Due} task=${task} /></p>
        <${Why} task=${task} />
        <${Trouble} task=${task} />
        <${Facts} task=${task} />
        ${decidesRecords(task) && html`<${Records} key=${task.uuid} task=${task} />`}
        <${Proposal} task=${task} />
        <${Progress} task=${task} />
        <${Decisions} task=${task} />
        <${Runs} task=${task} />
        <${Comments} task=${task} />
        <${History} task=${task} />
      </article>
    </div>
    <${Decide} task=${task} />`;
}

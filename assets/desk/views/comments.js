// The discussion of a task.
import { html, useRef, useState } from '../html.js';
import { ask } from '../api.js';
import { useKeys } from '../keys.js';
import { Moment, number, t } from '../messages.js';
import { More, useMore } from '../paging.js';
import { me } from '../session.js';
import { act, busy, COMMENTS, typed } from '../task.js';
import { keyOf, Person, Text } from '../text.js';
import { Mentions } from './mentions.js';

const EARLIER = `query($id: ID!, $before: String) { task(id: $id) { edges { node { ${COMMENTS('last: 100, before: $before')} } } } }`;

const uuids = (users) => users.map((user) => keyOf(user.id));

function Comment({ comment, mine, changes, task, others }) {
  const [edits, setEdits] = useState(false);
  const { uuid, text, mentions } = comment;
  const [told, setTold] = useState([]);
  const edit = () => {
    setTold(uuids(mentions));
    setEdits(true);
  };
  const save = async (event) => {
    event.preventDefault();
    if (await act('updateTaskComment', { id: uuid, text: event.target.elements.text.value, mentions: told })) setEdits(false);
  };
  return html`
    <li>
      <p class="meta"><${Person} user=${comment.userCreated} /> · <${Moment} at=${comment.dateCreated} />${comment.version > 1 && html` · ${t('comment.changed')}`}</p>
      ${edits ? html`
        <form onSubmit=${save}>
          <label><span class="visually-hidden">${t('comment.text')}</span><textarea name="text" rows="3" required defaultValue=${text}></textarea></label>
          <${Mentions} task=${task} others=${[...others, ...mentions]} told=${told} tell=${setTold} />
          <p class="buttons"><button aria-disabled=${busy.value}>${t('save')}</button><button type="button" onClick=${() => setEdits(false)}>${t('cancel')}</button></p>
        </form>` : html`<p class="said"><${Text} value=${text} short=${2000} /></p>`}
      ${mentions.length > 0 && !edits && html`<p class="meta">${t('comment.to')} ${mentions.map((user, at) => html`${at > 0 && ', '}<${Person} user=${user} />`)}</p>`}
      ${mine && changes && !edits && html`
        <p class="buttons">
          <button type="button" class="link" onClick=${edit}>${t('comment.edit')}</button>
          <button type="button" class="link" aria-disabled=${busy.value} onClick=${() => act('deleteTaskComment', { ids: [uuid] }, { done: t('done.commentDeleted') })}>${t('comment.delete')}</button>
        </p>`}
    </li>`;
}

export function Comments({ task }) {
  const before = (cursor) => ask(EARLIER, { id: task.uuid, before: cursor }).then((found) => found.task.edges[0].node.comments);
  const pages = useMore(task.comments, before, { backwards: true });
  const all = pages.rows;
  const text = typed('comment', task.uuid);
  const kept = typed('mentions', task.uuid);
  const told = kept.value ? kept.value.split(' ') : [];
  const field = useRef();
  const can = task.allowedActions.includes('COMMENT');
  useKeys({ c: can && (() => field.current.focus()) });
  const send = async (event) => {
    event?.preventDefault();
    const said = text.value.trim();
    if (!said || busy.value || !(await act('createTaskComment', { taskId: task.uuid, text: said, mentions: told }, { done: t('done.commented') }))) return;
    text.value = '';
    kept.value = '';
  };
  const keys = (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
    if (event.key === 'Escape') {
      event.stopPropagation();
      // Single keys are shortcuts again.
      document.querySelector('article h1').focus({ preventScroll: true });
    }
  };
  const others = all.map((comment) => comment.userCreated);
  return html`
    <section aria-labelledby="comments">
      <h2 id="comments">${t('task.comments')} ${task.comments.totalCount > 0 && html`<small>${number(task.comments.totalCount)}</small>`}</h2>
      <${More} of=${pages} label=${t('comment.earlier')} />
      <ul class="comments">${all.map((comment) => html`<${Comment} key=${comment.uuid} comment=${comment} changes=${can} task=${task} others=${others} mine=${keyOf(comment.userCreated.id) === me.value.id} />`)}</ul>
      ${can && html`
        <form onSubmit=${send} onKeyDown=${keys}>
          <label>${t('comment.new')}<textarea ref=${field} rows="2" aria-keyshortcuts="c" value=${text.value} onInput=${(event) => (text.value = event.target.value)}></textarea></label>
          ${(text.value.trim() || told.length > 0) && html`<${Mentions} task=${task} others=${others} told=${told} tell=${(list) => (kept.value = list.join(' '))} />`}
          <p class="buttons"><button disabled=${!text.value.trim()} aria-disabled=${busy.value}>${t('comment.send')}</button></p>
        </form>`}
    </section>`;
}

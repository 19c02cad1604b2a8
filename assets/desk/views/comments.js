// The discussion of a task.
import { html, useRef, useState } from '../html.js';
import { useKeys } from '../keys.js';
import { Moment, t } from '../messages.js';
import { me } from '../session.js';
import { act, busy, typed } from '../task.js';
import { keyOf, Person, Text } from '../text.js';

function Comment({ comment, mine, changes }) {
  const [edits, setEdits] = useState(false);
  const { uuid, text, mentions } = comment;
  const save = async (event) => {
    event.preventDefault();
    if (await act('updateTaskComment', { id: uuid, text: event.target.elements.text.value })) setEdits(false);
  };
  return html`
    <li>
      <p class="meta"><${Person} user=${comment.userCreated} /> · <${Moment} at=${comment.dateCreated} />${comment.version > 1 && html` · ${t('comment.changed')}`}</p>
      ${edits ? html`
        <form onSubmit=${save}>
          <label><span class="visually-hidden">${t('comment.text')}</span><textarea name="text" rows="3" required defaultValue=${text}></textarea></label>
          <p class="buttons"><button disabled=${busy.value}>${t('save')}</button><button type="button" onClick=${() => setEdits(false)}>${t('cancel')}</button></p>
        </form>` : html`<p class="said"><${Text} value=${text} short=${2000} /></p>`}
      ${mentions.length > 0 && html`<p class="meta">${t('comment.to')} ${mentions.map((user, at) => html`${at > 0 && ', '}<${Person} user=${user} />`)}</p>`}
      ${mine && changes && !edits && html`
        <p class="buttons">
          <button type="button" class="link" onClick=${() => setEdits(true)}>${t('comment.edit')}</button>
          <button type="button" class="link" disabled=${busy.value} onClick=${() => act('deleteTaskComment', { ids: [uuid] }, { done: t('done.commentDeleted') })}>${t('comment.delete')}</button>
        </p>`}
    </li>`;
}

export function Comments({ task }) {
  const all = task.comments.edges.map((edge) => edge.node);
  const text = typed('comment', task.uuid);
  const field = useRef();
  const can = task.allowedActions.includes('COMMENT');
  useKeys({ c: can && (() => field.current.focus()) });
  const send = async (event) => {
    event?.preventDefault();
    const said = text.value.trim();
    if (said && !busy.value && (await act('createTaskComment', { taskId: task.uuid, text: said }, { done: t('done.commented') }))) text.value = '';
  };
  const keys = (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
    if (event.key === 'Escape') {
      event.stopPropagation();
      event.target.blur();
    }
  };
  return html`
    <section aria-labelledby="comments">
      <h2 id="comments">${t('task.comments')} ${all.length > 0 && html`<small>${all.length}</small>`}</h2>
      ${task.comments.pageInfo.hasPreviousPage && html`<p class="quiet-text">${t('comment.last', { count: all.length })}</p>`}
      <ul class="comments">${all.map((comment) => html`<${Comment} key=${comment.uuid} comment=${comment} changes=${can} mine=${keyOf(comment.userCreated.id) === me.value.id} />`)}</ul>
      ${can && html`
        <form onSubmit=${send} onKeyDown=${keys}>
          <label>${t('comment.new')}<textarea ref=${field} rows="2" aria-keyshortcuts="c" value=${text.value} onInput=${(event) => (text.value = event.target.value)}></textarea></label>
          <p class="buttons"><button disabled=${busy.value || !text.value.trim()}>${t('comment.send')}</button></p>
        </form>`}
    </section>`;
}

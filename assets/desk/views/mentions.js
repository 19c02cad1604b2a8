// Who is told of a comment: some of the people of the task.
import { html, useState } from '../html.js';
import { t } from '../messages.js';
import { me } from '../session.js';
import { keyOf, nameOf, Person } from '../text.js';

/** So many people are shown at once; of more, those who are looked for. */
const SOME = 8;

/** The people of a task: who proposed it, who is asked, who has decided or taken it. */
export const peopleOf = ({ userCreated, claims, progress }) => [
  userCreated,
  ...progress.pools.flatMap((pool) => [...pool.missing, ...pool.votes.map((vote) => vote.user), ...pool.barred.map((bar) => bar.user)]),
  ...claims.map((claim) => claim.user),
];

/** A choice among the people of the task and `others`; `told` holds the keys of those who are chosen. */
export function Mentions({ task, others, told, tell }) {
  const [search, setSearch] = useState('');
  const known = new Map([...peopleOf(task), ...others].map((user) => [keyOf(user.id), user]));
  known.delete(me.value.id);
  if (!known.size) return null;
  const words = search.trim().toLowerCase();
  const isFound = ([key, user]) => told.includes(key) || `${nameOf(user)} ${user.username}`.toLowerCase().includes(words);
  const found = [...known].filter(isFound).sort(([one], [other]) => told.includes(other) - told.includes(one));
  const most = Math.max(SOME, told.length);
  const choose = (key, on) => tell(on ? [...told, key] : told.filter((other) => other !== key));
  return html`
    <fieldset class="mentions">
      <legend>${t('comment.tell')}</legend>
      ${known.size > SOME && html`<input type="search" aria-label=${t('comment.find')} placeholder=${t('comment.find')} value=${search} onInput=${(event) => setSearch(event.target.value)} />`}
      ${found.slice(0, most).map(([key, user]) => html`
        <label class="check" key=${key}><input type="checkbox" checked=${told.includes(key)} onChange=${(event) => choose(key, event.target.checked)} /><${Person} user=${user} /></label>`)}
    </fieldset>`;
}

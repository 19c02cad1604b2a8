// Data of others is shown as text and as nothing else. Its direction does not reach beyond it, and characters that
// nobody sees but that change what is read are made visible.
import { html, useState } from './html.js';
import { t } from './messages.js';

const HIDDEN = /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff]))/;
const SHORT = 600;

const code = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;

/** A text of others; a long one is shown as a whole only when that is asked for. It can be called as a function, too. */
export function Text({ value, short = SHORT }) {
  const text = String(value ?? '');
  return text.length <= short && !HIDDEN.test(text) ? html`<bdi class="text">${text}</bdi>` : html`<${Careful} text=${text} short=${short} />`;
}

function Careful({ text, short }) {
  const [whole, show] = useState(false);
  const shown = whole || text.length <= short ? text : text.slice(0, short);
  const parts = HIDDEN.test(shown) ? shown.split(HIDDEN) : [shown];
  const more = html`<button type="button" class="link" onClick=${() => show(true)}>${t('text.more', { count: text.length - shown.length })}</button>`;
  return html`<bdi class="text">${parts.map((part, at) => (at % 2 ? html`<span class="hidden-character" title=${t('text.hidden')}>${code(part)}</span>` : part))}</bdi>${shown !== text && html`… ${more}`}`;
}

/** The name of a person. */
export const nameOf = (user) =>
  !user ? '' : [user.otherNames, user.lastName].filter(Boolean).join(' ') || user.username;

/** The name of a person, as a text of others. */
export const Person = ({ user }) => html`<span class="person" title=${user?.username}><${Text} value=${nameOf(user)} /></span>`;

/** The key that a global id holds. */
export const keyOf = (id) => atob(id).split(':')[1];

// What the desk tells the reader beside the page: where nothing is filled in for the eye, and politely for the ear.
import { html, signal } from './html.js';
import { t, when } from './messages.js';
import { Text } from './text.js';

const notices = signal([]);
const spoken = signal('');
let next = 0;

/** Shows and says something. */
export function tell(text, { bad = false } = {}) {
  const id = (next += 1);
  notices.value = [...notices.value.slice(-2), { id, text, bad }];
  say(text);
  setTimeout(() => drop(id), bad ? 12_000 : 6_000);
}

/** Says something to those who listen, without showing it. */
export function say(text) {
  spoken.value = '';
  setTimeout(() => (spoken.value = text), 50);
}

const drop = (id) => (notices.value = notices.value.filter((notice) => notice.id !== id));

/** A text of the server with its moments in the reader's zone. */
const inZone = (text) => text.replace(/(\d{4}-\d\d-\d\dT[\d:]{8}) UTC/g, (_, at) => when(at));

/** Says a failure in words for people. */
export function explain(failure) {
  switch (failure.code) {
    case 'OFFLINE':
      return t('failure.offline');
    case 'UNAVAILABLE':
      return t('failure.unavailable');
    default:
      return inZone(failure.message ?? '') || t('failure.unknown', { code: failure.code ?? '' });
  }
}

/** The same of what somebody wanted to see. */
export const explainUnseen = (failure) => (failure.code === 'FORBIDDEN' ? t('failure.unseen') : explain(failure));

export const Notices = () => html`
  <div class="visually-hidden" role="status" aria-live="polite">${spoken}</div>
  ${notices.value.length > 0 && html`<div class="notices" role="region" aria-label=${t('notice.name')}>
    ${notices.value.map(
      ({ id, text, bad }) => html`
        <div class=${bad ? 'notice bad' : 'notice'} key=${id}>
          <span><${Text} value=${text} /></span>
          <button type="button" class="quiet" aria-label=${t('notice.close')} onClick=${() => drop(id)}>×</button>
        </div>`,
    )}
  </div>`}`;

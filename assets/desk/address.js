// Where the reader is, as the address says it: `?list=…&source=…&task=…`. Everything a link should bring back is in it.
import { signal } from './html.js';

const read = () => Object.fromEntries(new URLSearchParams(location.search));

/** What the address says now. */
export const address = signal(read());

addEventListener('popstate', () => (address.value = read()));

/** The address of another place: the present one with these changes; null takes a part away. */
export function href(changes, from = address.value) {
  const parts = new URLSearchParams(from);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') parts.delete(key);
    else parts.set(key, value);
  }
  return `?${parts}`;
}

/** Goes to another place. With `replace` the back button does not come back to this one. */
export function go(to, { replace = false } = {}) {
  const target = typeof to === 'string' ? to : href(to);
  if (target === (location.search || '?')) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', location.pathname + target + (ticket.peek() ? location.hash : ''));
  address.value = read();
}

// Links within the desk are followed without a new page.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="?"]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});

const TICKET = '#set_password?';

/** What the link of a mail says of whose password is set by which token: `#set_password?user=…&token=…`. Servers see no such part. */
const readTicket = () => (location.hash.startsWith(TICKET) ? Object.fromEntries(new URLSearchParams(location.hash.slice(TICKET.length))) : null);

/** Set while somebody comes by such a link. */
export const ticket = signal(readTicket());

addEventListener('hashchange', () => (ticket.value = readTicket()));

/** Leaves the link, which nobody needs any more. */
export function dropTicket() {
  history.replaceState(null, '', location.pathname + location.search);
  ticket.value = null;
}

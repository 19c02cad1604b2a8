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
  history[replace ? 'replaceState' : 'pushState'](null, '', location.pathname + target);
  address.value = read();
}

// Links within the desk are followed without a new page.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="?"]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});

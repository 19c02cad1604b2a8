// What the reader has typed and not sent. It outlives navigation, a session that ends, and a reload of the page.
import { signal } from './html.js';

const drafts = new Map();
const key = (owner, what) => `desk.draft.${owner}.${what}`;

/** A signal that holds what `owner` has typed for `what`. */
export function draft(owner, what) {
  const name = key(owner, what);
  if (!drafts.has(name)) {
    let kept = '';
    try {
      kept = sessionStorage.getItem(name) || '';
    } catch {
      // Then it lasts as long as the page.
    }
    const text = signal(kept);
    text.subscribe((value) => {
      try {
        if (value) sessionStorage.setItem(name, value);
        else sessionStorage.removeItem(name);
      } catch {
        // Then it lasts as long as the page.
      }
    });
    drafts.set(name, text);
  }
  return drafts.get(name);
}

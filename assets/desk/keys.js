// Shortcuts: single keys, while nobody types. They can be switched off, for people whose speech or hands press keys by chance.
import { signal, useLayoutEffect } from './html.js';

const bound = new Map();

let on = true;
try {
  on = localStorage.getItem('desk.keys') !== 'off';
} catch {
  // On, then.
}

export const shortcuts = signal(on);
shortcuts.subscribe((value) => {
  try {
    localStorage.setItem('desk.keys', value ? 'on' : 'off');
  } catch {
    // It holds as long as the page.
  }
});

/** Binds keys while a view is there. */
export function useKeys(keys) {
  useLayoutEffect(() => {
    const names = Object.keys(keys).filter((name) => keys[name]);
    names.forEach((name) => bound.set(name, keys[name]));
    return () => names.forEach((name) => bound.get(name) === keys[name] && bound.delete(name));
  });
}

const types = (element) =>
  element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName) ||
  (element.tagName === 'INPUT' && !/^(checkbox|radio|button)$/.test(element.type));

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  // A dialog has Escape for itself.
  if (document.querySelector('dialog[open]')) return;
  if (event.key !== 'Escape' && (!shortcuts.value || types(event.target))) return;
  const run = bound.get(event.key);
  if (!run) return;
  event.preventDefault();
  run(event);
});

// Views that the first page does not need. They come when it is there, or when they are wanted, whichever is first.
import { html, signal } from './html.js';
import { t } from './messages.js';
import { explain } from './notices.js';
import { Failure } from './failure.js';

const all = [];

/** A view that `load` imports. */
export function later(load, name) {
  const state = signal({});
  let asked = false;
  const want = async () => {
    if (asked) return;
    asked = true;
    try {
      state.value = { View: (await load())[name] };
    } catch {
      asked = false;
      state.value = { failure: new Failure('OFFLINE', '') };
    }
  };
  all.push(want);
  return (props) => {
    const { View, failure } = state.value;
    if (View) return html`<${View} ...${props} />`;
    if (failure) return html`<p class="bad" role="alert">${explain(failure)} <button type="button" onClick=${want}>${t('again')}</button></p>`;
    want();
    return html`<p class="quiet-text" aria-busy="true">${t('loading')}</p>`;
  };
}

/** Brings all of them, so that they are there without a network. */
export const bringAll = () => all.forEach((want) => want());

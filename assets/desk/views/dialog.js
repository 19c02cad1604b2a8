// A dialog over the page: the rest of it waits, Escape closes it, and the focus goes back to where it was.
import { html, useEffect, useId, useRef } from '../html.js';
import { t } from '../messages.js';
import { explain } from '../notices.js';
import { trouble } from '../task.js';
import { Text } from '../text.js';

export function Dialog({ title, close, children }) {
  const element = useRef();
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    // It begins with what is to be filled in, or else with its name, and not with the button that closes it.
    const find = (css) => element.current.querySelector(css);
    (find('[data-first]') ?? find('form input:not([type=search]), form select, form textarea') ?? find('h2')).focus();
    return () => before?.isConnected && before.focus();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close?.();
  };
  return html`
    <dialog ref=${element} aria-labelledby=${id} onCancel=${cancel}>
      <header>
        <h2 id=${id} tabindex="-1">${title}</h2>
        ${close && html`<button type="button" class="quiet" aria-label=${t('dialog.close')} onClick=${close}>×</button>`}
      </header>
      ${children}
    </dialog>`;
}

/** Why the last act was refused, in the dialog that asked for it: the page behind is not seen. */
export const Refusal = () =>
  trouble.value && html`<p class="bad" role="alert"><${Text} value=${explain(trouble.value.failure)} /></p>`;

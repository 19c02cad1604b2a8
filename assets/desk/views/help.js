// What the keys do.
import { html } from '../html.js';
import { shortcuts } from '../keys.js';
import { t } from '../messages.js';
import { Dialog } from './dialog.js';

const KEYS = ['j', 'k', 'n', 'x', 'a', 'r', 'c', '/', 'Escape', '?'];

export const Help = ({ close }) => html`
  <${Dialog} title=${t('help.title')} close=${close}>
    <dl class="keys">
      ${KEYS.map((key) => html`<div key=${key}><dt><kbd>${key === 'Escape' ? 'Esc' : key}</kbd></dt><dd>${t(`key.${key}`)}</dd></div>`)}
    </dl>
    <label class="check">
      <input type="checkbox" checked=${shortcuts.value} onChange=${(event) => (shortcuts.value = event.target.checked)} />
      ${t('help.on')}
    </label>
  <//>`;

// Logging in: at the beginning as a page, and over the page where a session has ended, so that nothing of it is lost.
import { html, useEffect, useRef, useState } from '../html.js';
import { address, go } from '../address.js';
import { LANGUAGES, language, speak, t } from '../messages.js';
import { explain } from '../notices.js';
import { loginPage, logo, mails, people, title } from '../place.js';
import { enter, me } from '../session.js';
import { later } from '../later.js';
import { Dialog } from './dialog.js';

const Forgotten = later(() => import('./password.js'), 'Forgotten');

function Form({ again }) {
  const [failure, setFailure] = useState('');
  const [waits, setWaits] = useState(false);
  const first = useRef();
  useEffect(() => first.current?.focus(), []);
  const attempt = async (username, password) => {
    if (waits) return;
    setWaits(true);
    setFailure('');
    try {
      await enter(username, password);
    } catch (error) {
      setWaits(false);
      setFailure(error.message === 'INCORRECT_CREDENTIALS' ? t('login.wrong') : explain(error));
      first.current?.focus();
    }
  };
  const submit = (event) => {
    event.preventDefault();
    const { username, password } = event.target.elements;
    attempt(username.value, password.value);
  };
  if (loginPage) return html`<p><a class="button" href=${loginPage} target=${again ? '_blank' : null}>${t('login.elsewhere')}</a></p>`;
  return html`
    ${people.length > 0 && !again && html`
      <p>${t('login.demo')}</p>
      <ul class="people">
        ${people.map(([name, password, what]) => html`
          <li key=${name}><button type="button" aria-disabled=${waits} onClick=${() => attempt(name, password)}><b>${name}</b> <span>${what[Object.keys(LANGUAGES).indexOf(language.value)]}</span></button></li>`)}
      </ul>`}
    <form class="login" onSubmit=${submit}>
      ${failure && html`<p class="bad" role="alert">${failure}</p>`}
      <label>${t('login.name')}<input ref=${first} name="username" autocomplete="username" required defaultValue=${again ? me.value.username : ''} /></label>
      <label>${t('login.password')}<input name="password" type="password" autocomplete="current-password" required data-first=${again} /></label>
      <button class="primary" aria-disabled=${waits}>${t('login.in')}</button>
    </form>`;
}

export function Login({ again = false }) {
  const forgotten = mails && Boolean(address.value.forgotten);
  if (again) {
    return html`<${Dialog} title=${t('login.ended')}><p>${t('login.kept')}</p><${Form} again /><//>`;
  }
  return html`
    <h1>${logo && html`<img src=${logo} alt="" />`}${title || t('app.name')}</h1>
    ${forgotten ? html`<${Forgotten} close=${() => go({ forgotten: null })} />` : html`
      <${Form} />
      ${!loginPage && html`<p class="meta">${mails
        ? html`<button type="button" class="link" onClick=${() => go({ forgotten: '1' })}>${t('password.forgotten')}</button>`
        : t('password.askSomebody')}</p>`}`}
    <p class="languages">
      ${Object.entries(LANGUAGES).map(([code, name]) => html`
        <button type="button" class="quiet" key=${code} lang=${code} aria-pressed=${language.value === code} onClick=${() => speak(code)}>${name}</button>`)}
    </p>`;
}

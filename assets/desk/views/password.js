// A password that is set by the link of a mail, and asking for such a link.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../html.js';
import { address, dropTicket, go, ticket } from '../address.js';
import { ask } from '../api.js';
import { t } from '../messages.js';
import { explain, tell } from '../notices.js';
import { mails } from '../place.js';
import { askForLink, setPassword } from '../session.js';
import { Text } from '../text.js';

const POLICY = '{ passwordPolicy { minLength refusesCommonest refusesOwnNames } }';

/** Does `run` once at a time; what it says when it fails stays until the next attempt, and the focus goes to `field`. */
function useAttempt(run, field) {
  const [state, setState] = useState({ failure: '', waits: false });
  const attempt = async (event) => {
    event.preventDefault();
    if (state.waits) return;
    setState({ failure: '', waits: true });
    try {
      await run(event.target.elements);
      setState({ failure: '', waits: false });
    } catch (failure) {
      setState({ failure: explain(failure), waits: false });
      field.current?.focus();
    }
  };
  return { ...state, attempt };
}

const Bad = ({ failure }) => failure && html`<p class="bad" role="alert" id="refusal"><${Text} value=${failure} /></p>`;

/** Asks for a link. */
export function Forgotten({ username = '', close }) {
  const [asked, setAsked] = useState(false);
  const field = useRef();
  useLayoutEffect(() => field.current?.focus(), []);
  const { failure, waits, attempt } = useAttempt(async ({ username }) => {
    await askForLink(username.value);
    setAsked(true);
  }, field);
  return html`
    <h2>${t('password.forgotten')}</h2>
    ${asked ? html`<p role="status">${t('password.asked')}</p>` : html`
      <form class="login" onSubmit=${attempt}>
        <${Bad} failure=${failure} />
        <label>${t('login.name')}<input ref=${field} name="username" autocomplete="username" required defaultValue=${username} /></label>
        <button class="primary" aria-disabled=${waits}>${t('password.ask')}</button>
      </form>`}
    <p><button type="button" class="link" onClick=${close}>${t('password.toLogin')}</button></p>`;
}

function Policy() {
  const [policy, setPolicy] = useState(null);
  // Without it the server still says what is wrong with a password.
  useEffect(() => { ask(POLICY, {}, { once: true }).then((found) => setPolicy(found.passwordPolicy), () => {}); }, []);
  const said = policy && [
    t('password.length', { count: policy.minLength }),
    policy.refusesCommonest && t('password.common'),
    policy.refusesOwnNames && t('password.own'),
  ];
  return html`<p class="meta" id="policy">${said?.filter(Boolean).join(' ')}</p>`;
}

function Form({ user, token }) {
  const [field, again] = [useRef(), useRef()];
  useLayoutEffect(() => field.current.focus(), []);
  const { failure, waits, attempt } = useAttempt(async ({ first, second }) => {
    if (first.value !== second.value) throw new Error(t('password.differ'));
    await setPassword(user, token, first.value);
    dropTicket();
    tell(t('password.done'));
  }, field);
  return html`
    <form class="login" onSubmit=${attempt}>
      <${Bad} failure=${failure} />
      <input class="visually-hidden" name="username" autocomplete="username" tabindex="-1" aria-hidden="true" readonly value=${user} />
      <label>${t('password.new')}<input ref=${field} name="first" type="password" autocomplete="new-password" required aria-describedby="policy" /></label>
      <${Policy} />
      <label>${t('password.again')}<input ref=${again} name="second" type="password" autocomplete="new-password" required /></label>
      <button class="primary" aria-disabled=${waits}>${t('password.set')}</button>
    </form>`;
}

/** The page to which the link of a mail leads. */
export function NewPassword() {
  const close = () => {
    dropTicket();
    go({ forgotten: null }, { replace: true });
  };
  const { user = '', token = '' } = ticket.value;
  if (mails && address.value.forgotten) return html`<h1>${t('password.title')}</h1><${Forgotten} username=${user} close=${close} />`;
  return html`
    <h1>${t('password.title')}</h1>
    <p>${t('password.for')} <b><${Text} value=${user} short=${80} /></b></p>
    <${Form} user=${user} token=${token} />
    <p>${mails ? html`<button type="button" class="link" onClick=${() => go({ forgotten: '1' })}>${t('password.anew')}</button>` : t('password.askSomebody')}</p>
    <p><button type="button" class="link" onClick=${close}>${t('password.toLogin')}</button></p>`;
}

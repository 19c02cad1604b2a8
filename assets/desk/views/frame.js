// The frame of the desk: its head, its navigation, and what is in the middle.
import { html, useEffect, useRef, useState } from '../html.js';
import { address, go, href, ticket } from '../address.js';
import { ended, mutate, online, slow } from '../api.js';
import { askAhead, counts, isTaskList, LISTS, listName, PLACES } from '../lists.js';
import { LANGUAGES, language, number, speak, t } from '../messages.js';
import { Notices } from '../notices.js';
import { logo, title } from '../place.js';
import { leave, may, me, stranger } from '../session.js';
import { nameOf, Text } from '../text.js';
import { useKeys } from '../keys.js';
import { later } from '../later.js';
import { List } from './list.js';
import { Login } from './login.js';

const Task = later(() => import('./task.js'), 'Task');
const Overview = later(() => import('./overview.js'), 'Overview');
const Groups = later(() => import('./triage.js'), 'Groups');
const Deliveries = later(() => import('./triage.js'), 'Deliveries');
const NewPassword = later(() => import('./password.js'), 'NewPassword');
const Help = later(() => import('./help.js'), 'Help');

const seen = ({ part }) => !part || may.value[part];

const Count = ({ count }) => html`
  <span class="count"><span aria-hidden="true">${number(count)}</span><span class="visually-hidden">${t('list.count', { count })}</span></span>`;

function Entry({ name }) {
  const count = counts.value[name];
  const overdue = name === 'awaiting' && counts.value.overdue;
  const ahead = () => askAhead({ list: name });
  return html`
    <li>
      <a href=${href({ list: name }, {})} onPointerEnter=${ahead} onFocus=${ahead} aria-current=${listName.value === name ? 'page' : null}>
        <span>${t(`list.${name}`)}</span>
        ${count !== undefined && html`<${Count} count=${count} />`}
      </a>
      ${overdue > 0 && html`<a class="part" href=${href({ list: name, due: 'overdue' }, {})}><span class="count bad">${t('overview.overdue', { count: overdue })}</span></a>`}
    </li>`;
}

function Navigation() {
  const own = useRef();
  const work = ['awaiting', 'claimed', 'mine', 'decided', 'all'];
  const triage = [...Object.keys(LISTS), ...Object.keys(PLACES)].filter((name) => !work.includes(name) && name !== 'overview');
  const shown = triage.filter((name) => seen(LISTS[name] ?? PLACES[name]));
  // On a narrow page it is a strip, of which a part is shown. Counts make it longer once they are there.
  const counted = counts.value.awaiting !== undefined;
  useEffect(() => { own.current.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); }, [listName.value, shown.length, counted]);
  return html`
    <nav ref=${own} aria-label=${t('nav.name')}>
      <h2>${t('nav.work')}</h2>
      <ul>${work.map((name) => html`<${Entry} key=${name} name=${name} />`)}</ul>
      ${shown.length > 0 && html`<h2>${t('nav.triage')}</h2><ul>${shown.map((name) => html`<${Entry} key=${name} name=${name} />`)}</ul>`}
      <h2>${t('nav.more')}</h2>
      <ul><${Entry} name="overview" /></ul>
    </nav>`;
}

function choose(code) {
  speak(code);
  mutate('changeUserLanguage', { languageId: code }).catch(() => {});
}

function Head({ help }) {
  const other = Object.keys(LANGUAGES).find((code) => code !== language.value);
  return html`
    <header class="head">
      <a class="skip" href="#content">${t('nav.skip')}</a>
      <a class="name" href="?">${logo && html`<img src=${logo} alt="" />`}<span>${title || t('app.name')}</span></a>
      <span class="push"></span>
      <button type="button" class="quiet" onClick=${help} aria-keyshortcuts="?">${t('help.open')}</button>
      <button type="button" class="quiet" lang=${other} onClick=${() => choose(other)}>${LANGUAGES[other]}</button>
      <span class="who"><${Text} value=${nameOf(me.value)} /></span>
      <button type="button" class="quiet" onClick=${leave}>${t('login.out')}</button>
    </header>`;
}

function Middle() {
  const name = listName.value;
  if (name === 'overview') return html`<${Overview} />`;
  if (name === 'groups') return html`<${Groups} />`;
  if (name === 'deliveries') return html`<${Deliveries} />`;
  return html`<${List} />`;
}

/** Says that the server takes its time: nobody has to press again. */
const Patience = () => html`<div class="patience" role="status">${slow.value > 0 && online.value && html`<span>${t('slow')}</span>`}</div>`;

/** What is said beside the page, where it covers nothing that is filled in. */
const Beside = () => html`<div class="beside"><${Notices} /><${Patience} /></div>`;

export function Desk() {
  const [help, setHelp] = useState(false);
  const name = listName.value;
  const openTask = address.value.task;
  useEffect(() => {
    document.title = stranger.value || ticket.value ? title || t('app.name') : `${t(`list.${name}`)} · ${title || t('app.name')}`;
  });
  useKeys({ '?': () => setHelp(true), Escape: openTask ? () => go({ task: null }) : null });
  if (me.value === undefined) return html`<main class="alone" id="content"><p class="quiet-text">${t('loading')}</p></main><${Beside} />`;
  if (ticket.value) return html`<main class="alone" id="content"><${NewPassword} /></main><${Beside} />`;
  if (stranger.value) return html`<main class="alone" id="content"><${Login} /></main><${Beside} />`;
  return html`
    <${Head} help=${() => setHelp(true)} />
    ${!online.value && html`<div class="banner" role="alert">${t('offline')}</div>`}
    <div class=${openTask ? 'body with-task' : 'body'}>
      <${Navigation} />
      <main id="content">
        <section class=${isTaskList.value ? 'list' : 'page'} aria-label=${t(`list.${name}`)}><${Middle} /></section>
        ${openTask && html`<section class="task" aria-label=${t('task.name')}><${Task} key=${openTask} /></section>`}
      </main>
    </div>
    ${help && html`<${Help} close=${() => setHelp(false)} />`}
    ${ended.value && html`<${Login} again />`}
    <${Beside} />`;
}

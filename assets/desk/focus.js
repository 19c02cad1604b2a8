// Keeps the focus on the page. What has the focus goes away when something is done with it: then the focus goes to what is nearest, so that
// whoever works by keys, or listens, goes on from there and not from the beginning of the page.
import { effect } from './html.js';
import { address } from './address.js';
import { painted } from './paint.js';

const CAN = 'a[href], button, input, select, textarea, [tabindex="0"]';

/** Where the focus was last: the element and those around it, each with its place among its like. */
let path = [];
/** The same, before the focus went to a notice. */
let behind = [];

const isLost = () => {
  const { activeElement: now } = document;
  return !now || now === document.body || now.matches(':disabled');
};

const isUsable = (element) => element.isConnected && !element.matches(':disabled') && element.getClientRects().length > 0;

const headingOf = (place) => [...place.querySelectorAll('h1, h2')].find(isUsable);

const firstIn = (element) => [...element.querySelectorAll(CAN)].find((found) => isUsable(found) && !found.closest('.visually-hidden, .notices'));

/** Gives an element the focus, which may be none that takes it by itself. */
function give(element) {
  if (!element.matches(CAN) && !element.hasAttribute('tabindex')) element.tabIndex = -1;
  element.focus();
}

/** Where to go on in `place`, from which the thing at `index` has gone. */
function within(place, index) {
  if (place.matches('ul, ol, tbody')) {
    const item = place.children[Math.min(index, place.children.length - 1)];
    // Its link is what it is called by.
    const link = item?.querySelector('a[href]');
    return link && isUsable(link) ? link : item && firstIn(item);
  }
  if (place.matches('dialog')) return place.querySelector('.primary') ?? firstIn(place);
  if (place.matches('section, article, main, .list-head')) return headingOf(place) ?? place;
  if (place.id === 'desk') return headingOf(place.querySelector('main') ?? place);
  // What scrolls holds too much for its first part to be what is meant: then its section is.
  return place.matches('.scroll') ? null : firstIn(place);
}

function nearest(ways) {
  // What cannot be used but is there, such as a button that waits for a text, is left like what has gone.
  const at = ways.findIndex(({ element }, step) => step > 0 && element.isConnected);
  if (at < 0) return null;
  for (const { element } of ways.slice(0, at)) {
    const back = element.dataset.back && document.querySelector(element.dataset.back);
    if (back && isUsable(back)) return back;
  }
  for (let step = at; step < ways.length; step += 1) {
    const found = within(ways[step].element, ways[step - 1].index);
    if (found && isUsable(found)) return found;
  }
  return null;
}

function keep() {
  if (!path.length || !isLost()) return;
  // Whoever clicks beside everything wants it so.
  if (isUsable(path[0].element)) path = [];
  else if (behind.length && path.some(({ element }) => element.matches('.notices')) && isUsable(behind[0].element)) give(behind[0].element);
  else {
    const found = nearest(path);
    if (found) give(found);
  }
}

/** Another page of the desk begins with its name; a task that is closed leaves its reader at its row. */
async function turn(before, now) {
  const others = ['list', 'after', 'before'].some((part) => before[part] !== now[part]);
  const closed = before.task && !now.task;
  if (now.task || !(others || closed)) return;
  await painted();
  const { activeElement: at } = document;
  // Whoever chooses a filter goes on choosing.
  if (document.querySelector('dialog[open]') || !(isLost() || at.matches('a, h1, section, main'))) return;
  const row = closed && !others && [...document.querySelectorAll('.row a')].find((link) => link.search.includes(before.task));
  const main = document.querySelector('main');
  if (main) give(row || headingOf(main) || main);
}

/** Begins to look after the focus. */
export function keepFocus() {
  document.addEventListener('focusin', ({ target }) => {
    if (target.closest('.notices') && !path[0]?.element.closest('.notices')) behind = path;
    path = [];
    for (let element = target; element && element !== document.body; element = element.parentElement) {
      path.push({ element, index: element.parentElement ? [...element.parentElement.children].indexOf(element) : 0 });
    }
  });
  // What is hidden or can't be used any more says only that it has lost the focus.
  document.addEventListener('focusout', () => setTimeout(keep));
  new MutationObserver(keep).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
  let before = address.peek();
  effect(() => {
    const now = address.value;
    if (now !== before) turn(before, now);
    before = now;
  });
}

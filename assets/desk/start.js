// Begins the desk.
import { effect, html, render } from './html.js';
import { bringAll } from './later.js';
import { begin, learnParts, me, stranger } from './session.js';
import { askAhead, count, follow as followList, isTaskList, page } from './lists.js';
import { follow as followTask } from './task.js';
import { listen } from './live.js';
import { loadExtension } from './renderers.js';
import { keepFocus } from './focus.js';
import { hasTexts } from './messages.js';
import { explain } from './notices.js';
import { Desk } from './views/frame.js';

/** How long a page may be blank, in milliseconds. */
const PATIENCE = 700;

const place = document.getElementById('desk');

/** What the first page can do without, when the browser has time for it. */
const whenIdle = (run) => (window.requestIdleCallback ? requestIdleCallback(run, { timeout: 2_000 }) : setTimeout(run, 500));

async function start() {
  askAhead();
  // Where the server takes its time, the page says so; where it does not, nothing flickers.
  const shown = setTimeout(() => hasTexts() && render(html`<${Desk} />`, place), PATIENCE);
  await Promise.all([begin(), loadExtension()]).finally(() => clearTimeout(shown));
  followList();
  followTask();
  keepFocus();
  render(html`<${Desk} />`, place);
  let brought = false;
  effect(() => {
    if (brought || !(page.value.rows || page.value.failure || stranger.value || !isTaskList.value)) return;
    brought = true;
    whenIdle(bringAll);
  });
  let listening = false;
  effect(() => {
    if (!me.value || listening) return;
    listening = true;
    // The list is asked for first; what stands beside it can wait.
    whenIdle(() => {
      learnParts().then(count);
      listen();
    });
  });
}

start().catch((failure) => {
  // The texts come from the same server.
  place.textContent = hasTexts() ? explain(failure) : 'The server could not be reached. Le serveur est injoignable.';
  setTimeout(() => location.reload(), 10_000);
});

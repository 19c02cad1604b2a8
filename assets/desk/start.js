// Begins the desk.
import { effect, html, render } from './html.js';
import { bringAll } from './later.js';
import { begin, learnParts, me, stranger } from './session.js';
import { askAhead, count, follow as followList, isTaskList, page } from './lists.js';
import { follow as followTask } from './task.js';
import { listen } from './live.js';
import { loadExtension } from './renderers.js';
import { keepFocus } from './focus.js';
import { explain } from './notices.js';
import { Desk } from './views/frame.js';

const place = document.getElementById('desk');

/** What the first page can do without, when the browser has time for it. */
const whenIdle = (run) => (window.requestIdleCallback ? requestIdleCallback(run, { timeout: 2_000 }) : setTimeout(run, 500));

async function start() {
  askAhead();
  await Promise.all([begin(), loadExtension()]);
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
  place.textContent = explain(failure);
  setTimeout(() => location.reload(), 10_000);
});

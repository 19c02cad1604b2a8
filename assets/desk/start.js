// Begins the desk.
import { effect, html, render } from './html.js';
import { begin, learnParts, me } from './session.js';
import { count, follow as followList } from './lists.js';
import { follow as followTask } from './task.js';
import { listen } from './live.js';
import { loadExtension } from './renderers.js';
import { explain } from './notices.js';
import { Desk } from './views/frame.js';

const place = document.getElementById('desk');

async function start() {
  await Promise.all([begin(), loadExtension()]);
  followList();
  followTask();
  render(html`<${Desk} />`, place);
  let listening = false;
  effect(() => {
    if (!me.value || listening) return;
    listening = true;
    // The list is asked for first; what stands beside it can wait.
    setTimeout(() => learnParts().then(count), 0);
    listen();
  });
}

start().catch((failure) => {
  place.textContent = explain(failure);
  setTimeout(() => location.reload(), 10_000);
});

// Learns that tasks have changed: by subscriptions where there are any, and else by asking again from time to time.
import { effect } from './html.js';
import { ended, online } from './api.js';
import { refresh } from './lists.js';
import { socket } from './place.js';
import { me } from './session.js';
import { look as lookAtTask } from './task.js';

/** Pauses in milliseconds: between looks without subscriptions, with them, and before a lost connection is tried again. */
const LOOK = 15_000;
const LOOK_RARELY = 120_000;
const AGAIN = [1_000, 5_000, 30_000, 300_000];
/** What changes within this time is looked at once. */
const GATHER = 400;

const SUBSCRIPTION = 'subscription { taskChanged { cursor uuid } }';

let live = false;
let failures = 0;
let gathering = null;
let timer = null;

const isSeen = () => document.visibilityState === 'visible' && me.peek() && !ended.peek();

function look() {
  clearTimeout(timer);
  timer = setTimeout(look, live ? LOOK_RARELY : LOOK);
  if (!isSeen()) return;
  refresh();
  lookAtTask();
}

/** Looks soon, once for all that happens until then. */
function lookSoon() {
  gathering ??= setTimeout(() => {
    gathering = null;
    look();
  }, GATHER);
}

function connect() {
  if (ended.peek()) {
    setTimeout(connect, AGAIN[1]);
    return;
  }
  const connection = new WebSocket(socket, 'graphql-transport-ws');
  const send = (message) => connection.send(JSON.stringify(message));
  connection.onopen = () => send({ type: 'connection_init' });
  connection.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'connection_ack') {
      [live, failures] = [true, 0];
      send({ id: 'tasks', type: 'subscribe', payload: { query: SUBSCRIPTION } });
      // Something may have changed before the subscription began.
      lookSoon();
    } else if (message.type === 'ping') {
      send({ type: 'pong' });
    } else if (message.type === 'next') {
      lookSoon();
    } else if (message.type === 'error' || message.type === 'complete') {
      connection.close();
    }
  };
  connection.onclose = () => {
    live = false;
    const pause = AGAIN[Math.min(failures, AGAIN.length - 1)];
    failures += 1;
    setTimeout(connect, pause * (1 + Math.random()));
  };
}

/** Begins to listen. */
export function listen() {
  connect();
  timer = setTimeout(look, LOOK);
  addEventListener('visibilitychange', () => document.visibilityState === 'visible' && lookSoon());
  addEventListener('online', lookSoon);
  addEventListener('offline', () => (online.value = false));
  // Whoever has logged in again sees what has changed meanwhile.
  let was = false;
  effect(() => {
    const is = Boolean(ended.value);
    if (was && !is) lookSoon();
    was = is;
  });
}

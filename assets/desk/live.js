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

/** A look is followed by a pause of so many times what it took, so that a server that is slow gets air. */
const AIR = 3;

const SUBSCRIPTION = 'subscription { taskChanged { cursor uuid } }';

let live = false;
let took = 0;
let failures = 0;
let gathering = null;
let timer = null;

const isSeen = () => document.visibilityState === 'visible' && me.peek() && !ended.peek();

/** Looks again after a pause, in any case. */
function later() {
  clearTimeout(timer);
  timer = setTimeout(look, live ? LOOK_RARELY : LOOK);
}

async function look() {
  later();
  if (!isSeen()) return;
  const begun = Date.now();
  await Promise.all([refresh(), lookAtTask()]);
  took = Date.now() - begun;
}

/** Whether changes are told, or looked for. */
function setLive(is) {
  live = is;
  document.documentElement.dataset.live = is ? 'told' : 'asked';
}

/** Looks soon, once for all that happens until then. */
function lookSoon() {
  gathering ??= setTimeout(() => {
    gathering = null;
    look();
  }, Math.max(GATHER, AIR * took));
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
      send({ id: 'tasks', type: 'subscribe', payload: { query: SUBSCRIPTION } });
    } else if (message.type === 'ping') {
      send({ type: 'pong' });
    } else if (message.type === 'next' && !message.payload.errors) {
      // The first one says that what follows is told; something may have changed before.
      setLive(true);
      failures = 0;
      lookSoon();
    } else if (['next', 'error', 'complete'].includes(message.type)) {
      connection.close();
    }
  };
  connection.onclose = () => {
    if (live) {
      setLive(false);
      later();
    }
    const pause = AGAIN[Math.min(failures, AGAIN.length - 1)];
    failures += 1;
    setTimeout(connect, pause * (1 + Math.random()));
  };
}

/** Begins to listen. */
export function listen() {
  setLive(false);
  connect();
  later();
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

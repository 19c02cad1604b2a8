// Who is at the desk, and what that person may see of it.
import { computed, signal } from './html.js';
import { ask, ended, logIn, logOut, request, whoAmI } from './api.js';
import { Failure } from './failure.js';
import { likelyLanguage, speak } from './messages.js';

/** The person; undefined until it is known, null for a stranger. */
export const me = signal(undefined);

/** Which parts beyond one's own work the person may see. The server says so, since its rights can be configured. */
export const may = signal({});

/** Whether somebody has to log in before anything can be seen. */
export const stranger = computed(() => me.value === null);

async function welcome(found) {
  const { id, username, i_user: user } = found;
  await speak(user.language || likelyLanguage());
  me.value = { id, username, otherNames: user.other_names, lastName: user.last_name };
}

const PARTS = `{
  assign: taskAssignmentTargets(first: 1) { uuid }
  groups: taskExecutor(first: 1) { edges { node { uuid } } }
  events: taskEvents(first: 1, status: DEAD) { edges { node { id } } }
}`;

/** Asks which parts the person may see. */
export async function learnParts() {
  const found = await ask(PARTS, {}, { partly: true });
  may.value = Object.fromEntries(Object.entries(found || {}).map(([part, answer]) => [part, answer !== null]));
}

/** Finds out who is here. */
export async function begin() {
  const [found] = await Promise.all([whoAmI(), speak(likelyLanguage())]);
  if (found) await welcome(found);
  else me.value = null;
}

/** Logs somebody in: at the beginning, or where a session has ended, in which case what waits goes on. */
export async function enter(username, password) {
  await logIn(username, password);
  const found = await whoAmI();
  const before = me.value;
  if (before && before.id !== found.id) {
    // Somebody else sees nothing of what the last person has open.
    location.assign(location.pathname);
    return;
  }
  await welcome(found);
  const waiting = ended.value;
  ended.value = null;
  waiting?.resume();
}

/** Does what answers by `success` and `error`. */
async function succeed(name, input) {
  const { success, error } = await request(name, input, 'success error');
  if (!success) throw new Failure('REFUSED', error);
}

/** Has a link sent by which the person of this name sets a password. The answer says nothing of whether there is one. */
export const askForLink = (username) => succeed('resetPassword', { username });

/** Sets a password by the token of a link, and logs its person in. */
export async function setPassword(username, token, newPassword) {
  await succeed('setPassword', { username, token, newPassword });
  await enter(username, newPassword);
}

/** Logs out. Nothing of what was on the page stays. */
export async function leave() {
  await logOut().catch(() => {});
  location.assign(location.pathname);
}

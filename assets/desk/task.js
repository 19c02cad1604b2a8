// The task that is open: what is known of it, and what has changed since the reader saw it.
import { batch, effect, signal } from './html.js';
import { address, go } from './address.js';
import { ask, mutate, newId } from './api.js';
import { draft } from './drafts.js';
import { count, current, load, page } from './lists.js';
import { t } from './messages.js';
import { explain, explainUnseen, tell } from './notices.js';
import { me } from './session.js';
import { keyOf } from './text.js';

const USER = '{ id username otherNames lastName }';

/** The votes on the task as a whole, and its discussion: a page of them. */
export const DECISIONS = (page) => `decisions(${page}, recordId_Isnull: true) { pageInfo { hasNextPage endCursor }
  edges { node { uuid decision comment dateCreated user ${USER} flowStep { order taskGroup { code } } } } }`;
export const COMMENTS = (page) => `comments(${page}) { totalCount pageInfo { hasPreviousPage startCursor }
  edges { node { uuid text dateCreated dateUpdated version userCreated ${USER} mentions ${USER} } } }`;

const TASK = `uuid version status source entityString entityDisplay businessEvent priority dueDate followUpDate dateCreated
  dateUpdated dateOpened businessData dataHash allowedActions rejectedRecordIds
  userCreated ${USER} taskGroup { uuid code } flow { uuid code name steps { uuid order taskGroup { code } } } currentStep { order }
  claims { uuid dateUntil user ${USER} }
  progress { held heldReason stepCount passedCount pools {
    outcome needed has held heldReason policy { kind threshold } taskGroup { code } step { uuid order }
    votes { verdict acceptedCount rejectedCount comment date user ${USER} } missing ${USER} barred { reason user ${USER} } } }
  myDecisions { decision recordId isStale flowStep { uuid } }
  ${DECISIONS('first: 100')} ${COMMENTS('last: 100')}`;

/** What changes when something of the task does. */
const MARKS = `version allowedActions comments(last: 100) { edges { node { version } } }`;

const QUERY = `query($id: ID!) { task(id: $id) { edges { node { ${TASK} } } } }`;
const LOOK = `query($id: ID!) { task(id: $id) { edges { node { ${MARKS} } } } }`;

/** The open task; `failure` if it can't be shown. */
export const open = signal({ id: null, task: null, failure: null });
/** What went wrong with the last act, with the task as it was seen then. */
export const trouble = signal(null);
/** Whether something is being done. */
export const busy = signal(false);

/** Whether the reader is asked about a task, or has voted on it. Some people may decide on all tasks, in place of those who are asked. */
export const asksMe = ({ progress }) =>
  progress.pools.some(({ missing, votes }) => [...missing, ...votes.map((vote) => vote.user)].some((user) => keyOf(user.id) === me.value.id));

/** The task on which the reader has said to decide in place of those who are asked: its key. */
export const instead = signal(null);

/** Whether the reader decides on a task, being asked or in place of those who are. */
export const decides = (task) => asksMe(task) || instead.value === task.uuid;

/** What the reader has typed for this task: the reason of a decision, a comment. */
export const typed = (what, id = open.value.id) => draft(me.value.id, `${id}.${what}`);

let turn = 0;

async function read(id) {
  const { task } = await ask(QUERY, { id });
  return task.edges[0]?.node ?? null;
}

/** Reads the open task again. */
export async function reload() {
  const { id } = open.peek();
  if (!id) return;
  const mine = (turn += 1);
  try {
    const task = await read(id);
    if (mine === turn) open.value = { id, task, failure: task ? null : t('task.unseen') };
  } catch (failure) {
    if (mine !== turn) return;
    // What is shown already is better than an error in its place.
    if (open.peek().task) tell(explain(failure), { bad: true });
    else open.value = { id, task: null, failure: explainUnseen(failure) };
  }
}

const marks = ({ version, allowedActions, comments }) =>
  JSON.stringify([version, allowedActions, comments.edges.map((edge) => edge.node.version)]);

/** Reads the open task again if something of it has changed. */
export async function look() {
  const { id, task } = open.peek();
  if (!task || busy.peek()) return;
  const found = await ask(LOOK, { id }).catch(() => null);
  const now = found?.task.edges[0]?.node;
  if (open.peek().task === task && found && (!now || marks(now) !== marks(task))) reload();
}

/** Keeps what is open to what the address says. */
export function follow() {
  effect(() => {
    const id = address.value.task ?? null;
    if (!me.value || id === open.peek().id) return;
    batch(() => {
      trouble.value = null;
      instead.value = null;
      open.value = { id, task: null, failure: null };
      if (id) current.value = id;
    });
    reload();
  });
}

/** The task after this one in the list, or else the one before it; null if it is alone. One that is done may have gone from the list. */
function neighbour(id) {
  const rows = page.peek().rows ?? [];
  const at = rows.findIndex((row) => row.uuid === id);
  const there = (row) => !row.gone && row.uuid !== id;
  return at < 0 ? null : ((rows.slice(at).find(there) ?? rows.slice(0, at).findLast(there))?.uuid ?? null);
}

/** Opens the task after the one that is done, or shows the list. `known`: which it was before, if the list has changed since. */
function moveOn(id, known) {
  if (open.peek().id !== id) return;
  go({ task: neighbour(id) ?? known });
}

const attempts = new Map();

/**
 * Does something with the open task. An attempt that did not reach the server has the same id when it is made again, so it
 * is done once. A conflict shows the task anew; what was typed stays.
 */
export async function act(name, input, { done, selection = '', onward = false, seen = open.peek().task } = {}) {
  // A button that was pressed keeps the focus meanwhile, and could be pressed again.
  if (busy.peek()) return false;
  const { id } = open.peek();
  const next = neighbour(id);
  const key = JSON.stringify([name, input]);
  const clientMutationId = attempts.get(key) ?? newId();
  attempts.set(key, clientMutationId);
  busy.value = true;
  try {
    const answer = await mutate(name, { ...input, clientMutationId }, selection);
    const refused = answer?.outcomes?.find((outcome) => !outcome.ok);
    if (refused) throw Object.assign(new Error(refused.message), { code: refused.code });
    attempts.delete(key);
    trouble.value = null;
    if (done) tell(done);
    if (onward) moveOn(id, next);
    else await reload();
    load({ quietly: true });
    count();
    return true;
  } catch (failure) {
    if (failure.code !== 'OFFLINE' && failure.code !== 'UNAVAILABLE') attempts.delete(key);
    trouble.value = { failure, seen };
    if (failure.code === 'CONFLICT' || failure.code === 'NOT_FOUND') {
      await reload();
      load({ quietly: true });
      count();
    }
    return false;
  } finally {
    busy.value = false;
  }
}

const vote = (verdict) => JSON.stringify({ [me.value.id]: verdict });

/** The name by which people know a task. */
export const titleOf = (task) => task.entityDisplay || task.entityString || task.businessEvent || task.source || task.uuid;

/** What is to be done, without the source that begins the name of an event. */
export const operationOf = (event) => event && (event.split('.').slice(1).join('.') || event);

/** Casts the reader's vote on the task as it was seen: a verdict on the whole, or `{ ACCEPT: [...], REJECT: [...] }`. */
export function decide(verdict, task) {
  const reason = typed('reason');
  const said = { APPROVED: 'done.approved', FAILED: 'done.rejected' }[verdict] ?? 'done.records';
  const item = { id: task.uuid, businessStatus: vote(verdict), comment: reason.peek().trim() || undefined, expectedDataHash: task.dataHash };
  return act('resolveTask', item, { done: t(said, { task: titleOf(task) }), onward: true, seen: task }).then((ok) => {
    if (ok) reason.value = '';
    return ok;
  });
}

/** The items of a vote on many tasks. */
export const items = (tasks, verdict, comment) =>
  tasks.map(({ uuid: id, dataHash }) => ({ id, businessStatus: vote(verdict), comment: comment || undefined, expectedDataHash: dataHash }));

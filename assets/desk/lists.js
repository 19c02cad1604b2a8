// The lists of tasks: which there are, what the address makes of them, a page of one of them, and how many are in each.
import { batch, computed, effect, signal } from './html.js';
import { address, go } from './address.js';
import { ask, mutate } from './api.js';
import { named, t } from './messages.js';
import { explainUnseen, say } from './notices.js';
import { painted } from './paint.js';
import { taskArguments } from './query.js';
import { may, me } from './session.js';

/** Rows of a page. */
const PAGE = 50;
/** How long a row that has gone stays to be seen, in milliseconds. */
const FAREWELL = 8_000;

export const LISTS = {
  awaiting: { filter: () => ({ awaitingMe: true }), sort: 'dueDate' },
  claimed: { filter: () => ({ claimedByMe: true }), sort: 'dueDate' },
  mine: { filter: () => ({ userCreatedId: me.value.id }), sort: '-dateCreated' },
  decided: { filter: () => ({ decidedByMe: true }), sort: '-dateUpdated', grows: true },
  all: { filter: () => ({}), sort: '-dateCreated', grows: true },
  unassigned: { filter: () => ({ status: 'RECEIVED' }), sort: 'dateCreated', part: 'assign' },
  late: { filter: () => ({ overdue: true }), sort: 'dueDate', part: 'assign' },
  ready: { filter: () => ({ heldReason: 'READY_TO_DECIDE' }), sort: 'dateCreated', part: 'assign' },
};

/** The parts of the desk that are no lists of tasks. Editors of flows, functions and people will be among them. */
export const PLACES = { groups: { part: 'groups' }, deliveries: { part: 'events' }, overview: {} };

export const SORTS = ['dueDate', '-priority', '-dateCreated', 'dateCreated', 'entity', 'source'];
export const FILTERS = ['q', 'source', 'status', 'group', 'due', 'priority'];
export const DUES = ['overdue', 'today', 'week'];
export const STATUSES = ['RECEIVED', 'ACCEPTED', 'COMPLETED', 'FAILED'];

/** Where somebody begins who is asked about nothing: where there is something to do, the first of these, or else the overview for triage. */
const BEGINNINGS = ['claimed', 'unassigned', 'late', 'ready', 'mine'];

const nameAt = ({ list }) => (list in LISTS || list in PLACES ? list : 'awaiting');

/** The part of the desk at which the reader is. */
export const listName = computed(() => nameAt(address.value));
export const isTaskList = computed(() => listName.value in LISTS);

/** What an address asks of the list, without the task that is open. */
const keyAt = (place) => JSON.stringify({ ...place, task: undefined, list: nameAt(place) });
const asked = computed(() => keyAt(address.value));

/** The page of the list: its rows, whether more follow, how many there are in all, and the address that asked for it. */
export const page = signal({ rows: null, failure: null, total: null, more: false });
export const loading = signal(false);
/** Rows that are picked, to act on them together: by key. */
export const picked = signal(new Map());
/** Picks a row, or picks it no more. */
export function pick(row, on) {
  const next = new Map(picked.value);
  if (on) next.set(row.uuid, row);
  else next.delete(row.uuid);
  picked.value = next;
}

/** The row at which the keyboard is. */
export const current = signal(null);
/** What the reader can do with the tasks of the page: by key. */
export const actions = signal(new Map());
/** Whether the reader can do this with a task of the page. */
export const can = (row, action) => actions.value.get(row.uuid)?.includes(action) ?? false;
/** How many tasks are in each list. */
export const counts = signal({});

function dates(due) {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  const later = (days) => named(new Date(day.getFullYear(), day.getMonth(), day.getDate() + days));
  if (due === 'overdue') return { overdue: true };
  if (due === 'today') return { dueDate_Gte: later(0), dueDate_Lt: later(1) };
  if (due === 'week') return { dueDate_Gte: later(0), dueDate_Lt: later(7) };
  return {};
}

/** The filters of a list with those of the address. */
function filters(place) {
  return {
    entityString_Icontains: place.q,
    source: place.source,
    status: STATUSES.includes(place.status) ? place.status : undefined,
    taskGroupId: place.group,
    priority_Gte: /^\d{1,3}$/.test(place.priority ?? '') ? Number(place.priority) : undefined,
    ...dates(place.due),
    ...LISTS[nameAt(place)].filter(),
  };
}

const ROW = `uuid version source entityString businessEvent status priority dueDate dateCreated
  taskGroup { code } flow { code name } claims { user { id username otherNames lastName } }`;

/** Asks for these fields of the page at a place. */
async function pageAt(place, fields, how) {
  const { sort } = LISTS[nameAt(place)];
  const given = taskArguments({
    ...filters(place),
    orderBy: [SORTS.includes(place.sort) ? place.sort : sort],
    ...(place.before ? { last: PAGE, before: place.before } : { first: PAGE, after: place.after }),
  });
  const { task } = await ask(`query${given.declared} { task${given.passed} { ${fields} } }`, given.variables, how);
  return task;
}

const ROWS = `pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { ${ROW} } }`;

/** What the reader sees a moment later: how many there are, and what can be done with each. */
const REST = 'totalCount edges { node { uuid version allowedActions } }';

/** How long what was asked ahead is good for, in milliseconds. */
const FRESH = 3_000;

let ahead = null;

/**
 * Asks for a page that will probably be wanted: that of a list at which the reader points, and the first one, before it is known
 * who asks. That is mostly somebody whose session goes on; strangers, and lists that need to know, are asked for later.
 */
export function askAhead(place = address.peek()) {
  const key = keyAt(place);
  if (!(nameAt(place) in LISTS) || (nameAt(place) === 'mine' && !me.peek())) return;
  if (key === page.peek().key || (ahead?.key === key && ahead.until > Date.now())) return;
  ahead = { key, until: Date.now() + FRESH, answer: pageAt(place, ROWS, { once: true }).catch(() => null) };
}

/** What was asked ahead, if it is what is wanted now, is fresh and was answered. */
async function fromAhead(key) {
  const { key: known, until, answer } = ahead ?? {};
  ahead = null;
  return known === key && until > Date.now() ? answer : null;
}

let turn = 0;

/** Loads the page that the address asks for. `quietly`: what is there stays until then, and rows that go are shown as gone. */
export async function load({ quietly = false } = {}) {
  if (!isTaskList.peek()) return;
  const mine = (turn += 1);
  const [place, key] = [address.peek(), asked.peek()];
  if (!quietly) loading.value = true;
  try {
    const known = await fromAhead(key);
    const found = known ?? (await pageAt(place, ROWS));
    if (mine !== turn) return;
    const rows = found.edges.map((edge) => edge.node);
    batch(() => {
      const old = quietly ? page.peek() : { rows: null, total: null };
      page.value = { rows: old.rows ? merged(old.rows, rows) : rows, info: found.pageInfo, failure: null, total: old.total, key, place };
      loading.value = false;
    });
    await painted();
    if (mine !== turn) return;
    const rest = await pageAt(place, REST);
    if (mine !== turn) return;
    batch(() => {
      actions.value = new Map(rest.edges.map(({ node }) => [node.uuid, node.allowedActions]));
      page.value = { ...page.peek(), total: rest.totalCount };
    });
    // What was asked ahead may have changed before anybody listened.
    const mark = ({ edges }) => edges.map(({ node }) => node.uuid + node.version).join();
    if (known && mark(known) !== mark(rest)) load({ quietly: true });
  } catch (failure) {
    if (mine !== turn) return;
    loading.value = false;
    // Rows that were there are better than none.
    page.value = quietly && page.peek().rows ? { ...page.peek() } : { rows: null, failure: explainUnseen(failure), total: null };
  }
}

/** The new rows, with those that have gone at their old places for a while. */
function merged(old, rows) {
  const [here, before] = [new Set(rows.map((row) => row.uuid)), new Map(old.map((row) => [row.uuid, row]))];
  const gone = old.filter((row) => !here.has(row.uuid) && !row.gone).length;
  if (gone) {
    say(t('list.gone', { count: gone }));
    setTimeout(forget, FAREWELL);
  }
  const all = rows.map((row) => {
    const known = before.get(row.uuid);
    if (!known) return { ...row, fresh: true };
    // What has not changed is not drawn again.
    return JSON.stringify({ ...row, fresh: known.fresh }) === JSON.stringify(known) ? known : row;
  });
  old.forEach((row, at) => {
    const until = row.gone || Date.now() + FAREWELL;
    if (!here.has(row.uuid) && until > Date.now()) all.splice(Math.min(at, all.length), 0, { ...row, gone: until });
  });
  return all;
}

function forget() {
  const { rows } = page.peek();
  if (rows) page.value = { ...page.peek(), rows: rows.filter((row) => !row.gone || row.gone > Date.now()) };
}

/** The tasks that can be opened from the page, in their order. */
export const openable = computed(() => (page.value.rows || []).filter((row) => !row.gone));

/** Whether the reader has come to the desk itself, and it is not known yet which list is to be the first. */
export const lands = signal(false);

/** Shows the first list in which there is something to do, if nothing waits for the reader. */
function land() {
  const known = counts.peek();
  if (!lands.peek() || known.awaiting === undefined) return;
  lands.value = false;
  if (known.awaiting) return;
  const list = BEGINNINGS.find((name) => known[name] > 0) ?? (may.peek().assign && 'overview');
  if (list) go({ list }, { replace: true });
}

/** Counts what is in the lists, but for those that only grow. */
export async function count() {
  const of = { ...LISTS.awaiting.filter(), overdue: true };
  const wanted = Object.entries(LISTS).filter(([, { part, grows }]) => !grows && (!part || may.value[part]));
  const all = [...wanted.map(([name, { filter }]) => [name, filter()]), ['overdue', of]];
  const literal = (value) => (typeof value === 'string' && !/^[A-Z_]+$/.test(value) ? JSON.stringify(value) : value);
  const fields = all.map(([name, filter]) => {
    const passed = Object.entries(filter).map(([key, value]) => `${key}: ${literal(value)}`);
    return `${name}: task(${passed.join(', ')}) { totalCount }`;
  });
  const found = await ask(`{ ${fields.join(' ')} }`, {}, { partly: true }).catch(() => null);
  if (found) counts.value = Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list?.totalCount]));
  land();
  lands.value = false;
}

/** Looks again at everything that lists show. */
export const refresh = () => Promise.all([load({ quietly: true }), count()]);

/** The filters by which the server can choose the next task. */
const CHOOSING = ['source', 'group', 'priority'];

/** Whether one of the tasks that wait can be taken without looking for it. */
export const offersNext = computed(
  () => listName.value === 'awaiting' && openable.value.some((row) => can(row, 'CLAIM')) &&
    FILTERS.every((name) => !address.value[name] || CHOOSING.includes(name)),
);

const NAMED = 'query($id: ID!) { task(id: $id) { edges { node { uuid source entityString businessEvent } } } }';

/** Takes the next of the tasks that the list shows, which the server chooses; the task, or null if there is none. */
export async function takeNext() {
  const { source, taskGroupId, priority_Gte } = filters(address.peek());
  const { outcomes } = await mutate('claimNextTask', { source, taskGroupId, priority_Gte }, 'outcomes { id ok }');
  refresh();
  const id = outcomes?.find((outcome) => outcome.ok)?.id;
  if (!id) return null;
  // It is taken, whether its name can be read or not.
  const found = await ask(NAMED, { id }).catch(() => null);
  return found?.task.edges[0]?.node ?? { uuid: id };
}

/** Keeps the page to what the address asks for. */
export function follow() {
  let before = null;
  effect(() => {
    const now = address.value;
    if (!me.value) return;
    // Whoever closes a task stays at its list.
    lands.value = (!before || Boolean(before.list)) && !Object.keys(now).length;
    before = now;
    land();
  });
  effect(() => {
    const key = asked.value;
    if (!me.value || !isTaskList.value) return;
    if (page.peek().key === key) return;
    picked.value = new Map();
    current.value = null;
    load();
  });
}

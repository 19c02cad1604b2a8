// The lists of tasks: which there are, what the address makes of them, a page of one of them, and how many are in each.
import { batch, computed, effect, signal } from './html.js';
import { address } from './address.js';
import { ask } from './api.js';
import { named, t } from './messages.js';
import { explain, say } from './notices.js';
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
  all: { filter: () => ({}), sort: '-dateCreated' },
  unassigned: { filter: () => ({ status: 'RECEIVED' }), sort: 'dateCreated', part: 'assign' },
  ready: { filter: () => ({ heldReason: 'READY_TO_DECIDE' }), sort: 'dateCreated', part: 'assign' },
};

/** The parts of the desk that are no lists of tasks. Editors of flows, functions and people will be among them. */
export const PLACES = { groups: { part: 'groups' }, deliveries: { part: 'events' }, overview: {} };

export const SORTS = ['dueDate', '-priority', '-dateCreated', 'dateCreated', 'entity', 'source'];
export const FILTERS = ['q', 'source', 'status', 'group', 'due', 'priority'];
export const DUES = ['overdue', 'today', 'week'];
export const STATUSES = ['RECEIVED', 'ACCEPTED', 'COMPLETED', 'FAILED'];

/** The part of the desk at which the reader is. */
export const listName = computed(() => {
  const name = address.value.list;
  return name in LISTS || name in PLACES ? name : 'awaiting';
});
export const isTaskList = computed(() => listName.value in LISTS);

/** What the address asks of the list, without the task that is open. */
const asked = computed(() => JSON.stringify({ ...address.value, task: undefined, list: listName.value }));

/** The page of the list: its rows, whether more follow, how many there are in all. */
export const page = signal({ rows: null, failure: null, total: null, more: false });
export const loading = signal(false);
/** Rows that are picked, to act on them together: by key. */
export const picked = signal(new Map());
/** The row at which the keyboard is. */
export const current = signal(null);
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
    ...LISTS[listName.value].filter(),
  };
}

const ROW = `uuid version source entityString businessEvent status priority dueDate dateCreated allowedActions
  taskGroup { code } flow { code name } claims { user { id username otherNames lastName } }`;

async function rowsAt(place) {
  const { sort } = LISTS[listName.value];
  const given = taskArguments({
    ...filters(place),
    orderBy: [SORTS.includes(place.sort) ? place.sort : sort],
    ...(place.before ? { last: PAGE, before: place.before } : { first: PAGE, after: place.after }),
  });
  const query = `query${given.declared} { task${given.passed} {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { ${ROW} } } } }`;
  const { task } = await ask(query, given.variables);
  return { rows: task.edges.map((edge) => edge.node), info: task.pageInfo };
}

async function totalAt(place) {
  const given = taskArguments(filters(place));
  const { task } = await ask(`query${given.declared} { task${given.passed} { totalCount } }`, given.variables);
  return task.totalCount;
}

let turn = 0;

/** Loads the page that the address asks for. `quietly`: what is there stays until then, and rows that go are shown as gone. */
export async function load({ quietly = false } = {}) {
  if (!isTaskList.peek()) return;
  const mine = (turn += 1);
  const [place, key] = [address.peek(), asked.peek()];
  if (!quietly) loading.value = true;
  try {
    const { rows, info } = await rowsAt(place);
    if (mine !== turn) return;
    batch(() => {
      const old = quietly ? page.peek() : { rows: null, total: null };
      page.value = { rows: old.rows ? merged(old.rows, rows) : rows, info, failure: null, total: old.total, key };
      loading.value = false;
    });
    const total = await totalAt(place);
    if (mine === turn) page.value = { ...page.peek(), total };
  } catch (failure) {
    if (mine !== turn) return;
    loading.value = false;
    // Rows that were there are better than none.
    page.value = quietly && page.peek().rows ? { ...page.peek() } : { rows: null, failure: explain(failure), total: null };
  }
}

/** The new rows, with those that have gone at their old places for a while. */
function merged(old, rows) {
  const [here, before] = [new Set(rows.map((row) => row.uuid)), new Set(old.map((row) => row.uuid))];
  const gone = old.filter((row) => !here.has(row.uuid) && !row.gone).length;
  if (gone) {
    say(t('list.gone', { count: gone }));
    setTimeout(forget, FAREWELL);
  }
  const all = rows.map((row) => (before.has(row.uuid) ? row : { ...row, fresh: true }));
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

/** Counts what is in the lists. */
export async function count() {
  const of = { ...LISTS.awaiting.filter(), overdue: true };
  const wanted = Object.entries(LISTS).filter(([name, { part }]) => name !== 'all' && (!part || may.value[part]));
  const all = [...wanted.map(([name, { filter }]) => [name, filter()]), ['overdue', of]];
  const literal = (value) => (typeof value === 'string' && !/^[A-Z_]+$/.test(value) ? JSON.stringify(value) : value);
  const fields = all.map(([name, filter]) => {
    const passed = Object.entries(filter).map(([key, value]) => `${key}: ${literal(value)}`);
    return `${name}: task(${passed.join(', ')}) { totalCount }`;
  });
  const found = await ask(`{ ${fields.join(' ')} }`, {}, { partly: true }).catch(() => null);
  if (found) counts.value = Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list?.totalCount]));
}

/** Looks again at everything that lists show. */
export function refresh() {
  load({ quietly: true });
  count();
}

/** Keeps the page to what the address asks for. */
export function follow() {
  effect(() => {
    const key = asked.value;
    if (!me.value || !isTaskList.value) return;
    if (page.peek().key === key) return;
    picked.value = new Map();
    current.value = null;
    load();
  });
}

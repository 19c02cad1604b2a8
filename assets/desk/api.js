// Speaks to the server: GraphQL over HTTP with the session's cookies. What meets the end of a session waits until the
// reader has logged in again, and then goes on.
import { signal } from './html.js';
import { Failure } from './failure.js';
import { currentUser, endpoint } from './place.js';

/** Whether the last request reached the server. */
export const online = signal(true);

/** How many requests the server has had for longer than readers wait without a word. */
export const slow = signal(0);
const PATIENCE = 1_500;

/** Set while somebody has to log in: `resume` lets what waits go on. */
export const ended = signal(null);

let csrf = null;
let renewing = null;

/** A new id that nobody else has. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

let sent = 0;
let lost = 0;

async function send(url, options) {
  let waits = 0;
  const mine = (sent += 1);
  const timer = setTimeout(() => (slow.value += waits = 1), PATIENCE);
  try {
    const response = await fetch(url, { credentials: 'same-origin', cache: 'no-store', ...options });
    // An answer that was under way while another request was lost says nothing of now.
    if (mine > lost) online.value = true;
    return response;
  } catch {
    lost = sent;
    online.value = false;
    throw new Failure('OFFLINE', '');
  } finally {
    clearTimeout(timer);
    slow.value -= waits;
  }
}

const post = (query, variables, token) =>
  send(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'Accept-Language': document.documentElement.lang, ...(token && { 'X-CSRFToken': token }) },
    body: JSON.stringify({ query, variables }),
  });

async function read(response) {
  const body = await response.json().catch(() => ({}));
  const error = body.errors?.[0];
  if (!response.ok || (error && !body.data)) {
    const code = response.status === 503 ? 'UNAVAILABLE' : error?.extensions?.code || `HTTP ${response.status}`;
    throw new Failure(code, error?.message || response.statusText, error?.extensions?.requestId);
  }
  return body;
}

/** Gets a new access token by the cookie of the session; whether the session goes on. */
function renew() {
  renewing ??= post('mutation { refreshToken { refreshExpiresIn } }')
    .then(async (response) => response.ok && !(await response.json()).errors)
    .finally(() => (renewing = null));
  return renewing;
}

/** Waits until somebody has logged in. */
function loggedIn() {
  if (!ended.value) {
    let resume;
    const resumed = new Promise((resolve) => (resume = resolve));
    ended.value = { resumed, resume };
  }
  return ended.value.resumed;
}

async function inSession(request) {
  for (;;) {
    const response = await request();
    if (response.status !== 401) return response;
    if (await renew()) {
      const again = await request();
      if (again.status !== 401) return again;
    }
    await loggedIn();
  }
}

async function token() {
  if (!csrf) {
    const body = await read(await post('mutation { getCsrfToken { csrfToken } }')).catch((failure) => {
      // A host with its own sessions has no such field, and needs no such token.
      if (failure.code === 'OFFLINE' || failure.code === 'UNAVAILABLE') throw failure;
      return {};
    });
    csrf = body.data?.getCsrfToken?.csrfToken ?? 'null';
  }
  return csrf;
}

/**
 * Asks something. With `partly`, fields that failed are null, and their errors are not thrown; with `once`, the end of a session is
 * a failure like others.
 */
export async function ask(query, variables, { partly = false, once = false } = {}) {
  const body = await read(await (once ? post(query, variables) : inSession(() => post(query, variables))));
  const error = body.errors?.[0];
  if (error && !partly) throw new Failure(error.extensions?.code, error.message, error.extensions?.requestId);
  return body.data;
}

/** The document of a mutation by its name. */
const written = (name, selection) =>
  `mutation($input: ${name[0].toUpperCase()}${name.slice(1)}MutationInput!) { ${name}(input: $input) { ${selection} } }`;

/** Has something done that stands in no journal, also by a stranger; the answer says whether it was. */
export async function request(name, input, selection) {
  const body = await read(await post(written(name, selection), { input }, await token()));
  const error = body.errors?.[0];
  if (error) throw new Failure(error.extensions?.code, error.message, error.extensions?.requestId);
  return body.data[name];
}

const FOREIGN = 'CSRF token missing or incorrect.';
const JOURNAL = 'query($id: String!) { mutationLogs(clientMutationId: $id) { edges { node { status error } } } }';

/**
 * Has something done, and learns from the journal whether it was. An input that keeps its `clientMutationId` can be sent
 * again after a failure of the network: nothing is done twice.
 */
export async function mutate(name, input, selection = '') {
  const sent = { clientMutationId: newId(), ...input };
  const query = written(name, `internalId ${selection}`);
  const attempt = async () => read(await inSession(async () => post(query, { input: sent }, await token())));
  let body = await attempt();
  if (body.errors?.[0].message === FOREIGN) {
    csrf = null;
    body = await attempt();
  }
  const answer = body.data?.[name];
  // A server may answer an error beside them.
  if (answer?.outcomes?.length) return answer;
  const error = body.errors?.[0];
  if (error) throw new Failure(error.extensions?.code, error.message, error.extensions?.requestId);
  const journal = await ask(JOURNAL, { id: sent.clientMutationId });
  const entry = journal.mutationLogs?.edges[0]?.node;
  if (entry?.status === 1) {
    const [why] = JSON.parse(entry.error || '[{}]');
    throw new Failure(why.code, why.message || why.detail);
  }
  return answer;
}

/** Who is logged in; null for a stranger. */
export async function whoAmI() {
  const ask = () => send(currentUser, {});
  let response = await ask();
  if (response.status === 401 && (await renew())) response = await ask();
  if (response.status === 401) return null;
  if (!response.ok) throw new Failure(`HTTP ${response.status}`, response.statusText);
  return response.json();
}

/** Begins a session; a failure says why not. */
export async function logIn(username, password) {
  const query = 'mutation($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { refreshExpiresIn } }';
  const body = await read(await post(query, { u: username, p: password }));
  const error = body.errors?.[0];
  if (error) throw new Failure(error.extensions?.code, error.message);
  csrf = null;
}

/** Ends the session on every server. */
export async function logOut() {
  await post('mutation { deleteTokenCookie { deleted } deleteRefreshTokenCookie { deleted } }', {}, await token().catch(() => null));
  csrf = null;
}

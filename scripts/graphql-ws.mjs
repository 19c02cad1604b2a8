// What scripts/check-graphql-ws runs.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [program, fixture] = process.argv.slice(2);
const free = createServer().listen(0, "127.0.0.1");
await once(free, "listening");
const { port } = free.address();
free.close();
const env = {
  ...process.env,
  TASKS__DATABASE__URL: `sqlite://${join(mkdtempSync(join(tmpdir(), "graphql-ws-")), "tasks.db")}`,
  TASKS__AUTH__SECRET: "a secret for this check only, long enough",
  TASKS__HTTP__LISTEN: `127.0.0.1:${port}`,
  TASKS__LOG__FILTER: "warn",
};
const limit = setTimeout(() => fail("it takes more than a minute"), 60_000);
let server = null;

function fail(reason) {
  console.error(`FAILED: ${reason}`);
  if (server) server.kill("SIGKILL");
  process.exit(1);
}

async function post(query, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`http://127.0.0.1:${port}/api/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return answer.json();
}

async function start() {
  server = spawn(program, ["serve"], { env, stdio: ["ignore", "ignore", "inherit"] });
  for (;;) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/readyz`)).ok) return;
    } catch {}
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function logIn() {
  const { data } = await post('mutation { tokenAuth(username: "admin", password: "admin123") { token } }');
  return data.tokenAuth.token;
}

async function change(times) {
  const token = await logIn();
  for (let time = 0; time < times; time += 1) {
    await post('mutation { createTask(input: { source: "graphql-ws" }) { internalId } }', token);
  }
}

for (const words of [["migrate"], ["load", fixture]]) {
  const { status } = spawnSync(program, words, { env, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) fail(`${words} ends with ${status}`);
}
await start();
const codes = [];
let cursor = null;
const client = createClient({
  url: `ws://127.0.0.1:${port}/api/graphql/ws`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${await logIn()}` }),
  retryAttempts: 50,
  retryWait: () => new Promise((done) => setTimeout(done, 200)),
  on: { closed: ({ code }) => codes.push(code) },
});

const query = "subscription($after: String) { taskChanged(after: $after) { cursor signal task { uuid version } } }";
const cursors = [];
let readies = 0;
let changed = () => {};
client.subscribe(
  { query, variables: { get after() { return cursor; } } },
  {
    next: ({ data, errors }) => {
      if (errors) return fail(JSON.stringify(errors));
      cursor = data.taskChanged.cursor;
      if (data.taskChanged.signal === "READY") readies += 1;
      else cursors.push(Number(cursor));
      changed();
    },
    error: (error) => fail(error.reason ?? JSON.stringify(error)),
    complete: () => fail("it was completed"),
  },
);
const until = async (isSo) => {
  while (!isSo()) await new Promise((done) => (changed = done));
};

await until(() => readies === 1);
await change(3);
await until(() => cursors.length >= 3);
server.kill("SIGTERM");
await once(server, "exit");
await start();
const before = cursors.length;
await change(3);
await until(() => readies === 2 && cursors.length >= before + 3);
if (codes[0] !== 1012) fail(`the server closed with ${codes}`);
for (let place = 1; place < cursors.length; place += 1) {
  if (cursors[place] !== cursors[place - 1] + 1) fail(`not one after the other: ${cursors}`);
}
const stranger = createClient({ url: `ws://127.0.0.1:${port}/api/graphql/ws`, webSocketImpl: WebSocket, retryAttempts: 0 });
const refused = await new Promise((done) =>
  stranger.subscribe({ query }, { next: () => done(null), error: done, complete: () => done(null) }),
);
if (!refused || refused.code !== 4401) fail(`a stranger is closed with ${refused && refused.code}`);
clearTimeout(limit);
server.kill("SIGTERM");
await once(server, "exit");
console.log(`graphql-ws: ${cursors.length} changes in order, over a restart of the server`);
process.exit(0);

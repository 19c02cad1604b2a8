#!/usr/bin/env python3
"""How many requests a second the server answers, beside what the database and a bare handler do: ratios within one run.

    cargo build --release --bin tasks-management --example bare
    scripts/with-postgres sh -c 'benches/load.py "$TASKS_TEST_POSTGRES_URL"'
    benches/load.py sqlite:///tmp/bench

The URL of a PostgreSQL server on which databases may be created, or of a folder for SQLite files. With `--before PROGRAM`
another build is measured in turns with this one, each on a database of its own. For each kind of request it prints requests a
second, the time of half and of 99 of 100 requests, the processor time of the server for one, and its memory; on PostgreSQL
also the rate of pgbench with the least SQL that does the same (prepared, with as many clients), and for the list that of
benches/bare.rs. The clients ask as eight people in turn. Needs wrk; on PostgreSQL psql and pgbench. Python 3, standard
library only.
"""
import argparse
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = pathlib.Path(os.environ.get("BUILT", ROOT / "target" / "release"))
DEMO = json.loads((ROOT / "src" / "demo.json").read_text())
GROUPS, PEOPLE = 200, 200
# In how many of the groups ada and ben are executors: the tasks of 2.5 and of 20 in a hundred are their own.
FEW, MANY = 5, 40
# As whom the clients ask in turn: as so many people who are like admin, ada or ben. One person alone has only a share of the
# connections and turns (`limits.connections_per_user`, `limits.queries_at_once_per_user`).
PEERS = 8

FIELDS = (
    "id entityId entityString source status executorActionEvent businessEvent dateCreated isDeleted"
    " taskGroup { id code completionPolicy } data jsonExt"
)
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def listed(more: str = "") -> str:
    head = 'task(isDeleted: false, first: 10, orderBy: ["-dateCreated"])'
    return f"{{ {head} {{ {more} {PAGE} edges {{ node {{ {FIELDS} }} }} }} }}"


def one(number: int) -> str:
    more = "businessStatus businessData taskGroup { taskexecutorSet { edges { node { id user { id } } } } }"
    return f'{{ task(id: "{task_id(number)}") {{ edges {{ node {{ {FIELDS} {more} }} }} }} }}'


def vote(number: int, voter: str) -> str:
    business_status = json.dumps(json.dumps({voter: "APPROVED"}))
    what = f'clientMutationId: "{uuid.uuid4()}", id: "{task_id(number)}", businessStatus: {business_status}'
    return f"mutation {{ resolveTask(input: {{ {what} }}) {{ clientMutationId internalId }} }}"


def create(number: int) -> str:
    data = json.dumps(json.dumps({"incoming_data": {"code": f"C{number}", "amount": number}}))
    what = f'clientMutationId: "{uuid.uuid4()}", source: "Benefit", businessEvent: "Benefit.update", data: {data}'
    return f"mutation {{ createTask(input: {{ {what} }}) {{ clientMutationId internalId }} }}"


def task_id(number: int) -> str:
    return f"00000000-0000-7000-aa00-{number:012x}"


# The least SQL that answers the same, with bound parameters. Votes take another task each time as far as there are any.
LEAST = {
    "list": """SELECT t.*, g.code, g.completion_policy FROM task_management_task t
LEFT JOIN task_management_taskgroup g ON g.id = t.task_group_id
WHERE NOT t.is_deleted ORDER BY t.date_created DESC, t.id DESC LIMIT 11;""",
    "executor's list": """SELECT t.*, g.code, g.completion_policy FROM task_management_task t
JOIN task_management_taskgroup g ON g.id = t.task_group_id
WHERE NOT t.is_deleted AND t.status <> 'RECEIVED' AND EXISTS (SELECT 1 FROM task_management_taskexecutor e
WHERE e.task_group_id = t.task_group_id AND NOT e.is_deleted
AND e.user_id = (SELECT id FROM core_user WHERE username = 'ada')) ORDER BY t.date_created DESC, t.id DESC LIMIT 11;""",
    "one task": r"""\set i random(1, 2000) * 10 - 8
SELECT t.*, g.* FROM task_management_task t LEFT JOIN task_management_taskgroup g ON g.id = t.task_group_id
WHERE NOT t.is_deleted AND t.id = ('00000000-0000-7000-aa00-' || lpad(to_hex(CAST(:i AS bigint)), 12, '0'))::uuid;
SELECT e.id, u.id, u.username FROM task_management_taskexecutor e JOIN core_user u ON u.id = e.user_id
WHERE NOT e.is_deleted AND e.task_group_id = (SELECT task_group_id FROM task_management_task
WHERE id = ('00000000-0000-7000-aa00-' || lpad(to_hex(CAST(:i AS bigint)), 12, '0'))::uuid);""",
    "vote": r"""\set i random(1, :tasks / 10) * 10 - 7
BEGIN;
SELECT task_group_id AS pool FROM task_management_task
WHERE id = ('00000000-0000-7000-aa00-' || lpad(to_hex(CAST(:i AS bigint)), 12, '0'))::uuid FOR UPDATE \gset
SELECT * FROM task_management_taskgroup WHERE id = CAST(:pool AS uuid) FOR SHARE;
SELECT * FROM task_management_taskexecutor WHERE NOT is_deleted AND task_group_id = CAST(:pool AS uuid);
INSERT INTO core_mutationlog (id, mutation, user_id, client_mutation_id, json_content, request_date_time, status)
SELECT gen_random_uuid(), 'resolve_task', id, gen_random_uuid()::text, '{}', now(), 2 FROM core_user
WHERE username = 'admin';
WITH written AS (UPDATE task_management_task SET version = version + 1, status = 'COMPLETED',
business_status = '{"x": "APPROVED"}', date_updated = now()
WHERE id = ('00000000-0000-7000-aa00-' || lpad(to_hex(CAST(:i AS bigint)), 12, '0'))::uuid RETURNING *)
INSERT INTO task_management_historicaltask (id, is_deleted, json_ext, version, date_created, date_updated, user_created,
user_updated, source, entity_type_id, entity_id, entity_string, status, executor_action_event, business_status,
business_event, task_group_id, data, history_date, history_type)
SELECT id, is_deleted, json_ext, v, date_created, date_updated, user_created, user_updated, source, entity_type_id,
entity_id, entity_string, status, executor_action_event, business_status, business_event, task_group_id, data, now(), '~'
FROM written, LATERAL (VALUES (version), (version + 1)) AS versions (v);
COMMIT;""",
}
LEAST["list with count"] = LEAST["list"] + "\nSELECT count(*) FROM task_management_task WHERE NOT is_deleted;"

WRK = """
local bodies, at, headers = {}, 0, {}
function init(arguments)
  for line in io.lines(arguments[1]) do bodies[#bodies + 1] = line end
  for token in arguments[2]:gmatch("[^ ]+") do
    headers[#headers + 1] = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }
  end
  at = tonumber(arguments[3])
end
function request()
  at = at + 1
  return wrk.format("POST", nil, headers[(at - 1) % #headers + 1], bodies[(at - 1) % #bodies + 1])
end
function response(status, _, body)
  if status ~= 200 or body:find('"errors"', 1, true) then io.stderr:write(status, " ", body:sub(1, 200), "\\n") end
end
function done(summary, latency)
  io.write(string.format("RESULT %f %d %f %f\\n", summary.requests / (summary.duration / 1e6), summary.requests,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


def peers(username: str) -> list[str]:
    return [username] + [f"{username}{number}" for number in range(2, PEERS + 1)]


def people() -> list[dict]:
    """The people of the demo, and those who are like them."""
    found = []
    for user in DEMO["users"]:
        names = peers(user["username"]) if user["username"] in ("admin", "ada", "ben") else [user["username"]]
        for number, name in enumerate(names):
            own = {"username": name, "email": f"{name}@example.org", "id": user["id"][:-2] + f"{number:x}" + user["id"][-1]}
            found.append({**user, **own})
    return found


class Postgres:
    def __init__(self, server: str):
        self.server = server

    def fresh(self, name: str) -> str:
        url = self.server.rsplit("/", 1)[0] + f"/load_{name}"
        for what in (f"DROP DATABASE IF EXISTS load_{name}", f"CREATE DATABASE load_{name}"):
            subprocess.run(["psql", "-qc", what, self.server], check=True, stderr=subprocess.DEVNULL)
        return url

    def run(self, url: str, text: str) -> None:
        text += "VACUUM ANALYZE;"
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url], input=text, text=True, check=True)

    series = staticmethod(lambda low, high: f"generate_series({low}, {high}) AS g (i)")
    key = staticmethod(lambda kind, n: f"('00000000-0000-7000-{kind}-' || lpad(to_hex({n}), 12, '0'))::uuid")
    json = staticmethod(lambda text: f"({text})::jsonb")
    at = staticmethod(lambda n: f"timestamp '2024-01-01' + ({n}) * interval '3 minutes'")
    no, yes = "false", "true"


class Sqlite:
    def __init__(self, server: str):
        self.folder = pathlib.Path(server.removeprefix("sqlite://"))

    def fresh(self, name: str) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"load_{name}.db*"):
            left.unlink()
        return f"sqlite://{self.folder}/load_{name}.db"

    def run(self, url: str, text: str) -> None:
        connection = sqlite3.connect(url.removeprefix("sqlite://"))
        connection.executescript(f"BEGIN; {text} COMMIT; ANALYZE;")
        connection.close()

    @staticmethod
    def series(low: int, high: int) -> str:
        counted = f"WITH RECURSIVE s (i) AS (SELECT {low} UNION ALL SELECT i + 1 FROM s WHERE i < {high})"
        return f"({counted} SELECT i FROM s) AS g"

    key = staticmethod(lambda kind, n: f"'00000000-0000-7000-{kind}-' || printf('%012x', {n})")
    json = staticmethod(lambda text: text)
    at = staticmethod(lambda n: f"strftime('%Y-%m-%d %H:%M:%S', '2024-01-01', '+' || (({n}) * 3) || ' minutes')")
    no, yes = "0", "1"


def sample(db: Postgres | Sqlite, tasks: int) -> str:
    """People, groups and tasks beside those of the demo."""
    admin = "(SELECT id FROM core_user WHERE username = 'admin')"
    source = "CASE i % 4 WHEN 0 THEN 'Benefit' WHEN 1 THEN 'Payment' WHEN 2 THEN 'Group' ELSE 'Policy' END"
    status = (
        "CASE WHEN i % 10 = 0 THEN 'RECEIVED' WHEN i % 10 < 4 THEN 'ACCEPTED' WHEN i % 10 < 9 THEN 'COMPLETED'"
        " ELSE 'FAILED' END"
    )
    person = '{"code": "C\' || i || \'", "name": "%s Doe", "dob": "1980-01-01", "more": "' + "x" * 100 + '"}'
    data = f"""'{{"incoming_data": {person % "John"}, "current_data": {person % "Jon"}}}'"""
    common = "is_deleted, version, date_created, date_updated, user_created, user_updated"
    record = f"{db.no}, 1, {db.at('i')}, {db.at('i')}, {admin}, {admin}"

    def seats(kind: str, low: int, high: int, group: str, user: str) -> str:
        row = f"{db.key(kind, 'i')}, {record}, {group}, {user}"
        into = f"task_management_taskexecutor (id, {common}, task_group_id, user_id)"
        return f"INSERT INTO {into} SELECT {row} FROM {db.series(low, high)};"

    named = "(SELECT id FROM core_user WHERE username = '{}')".format
    return f"""
INSERT INTO core_user (id, interactive_user_id, username, password, last_name, other_names, language, is_active, version,
  date_created, date_updated)
SELECT {db.key("ba00", "i")}, 100000 + i, 'load' || i, '', 'Load', 'Person', 'en', {db.yes}, 1, {db.at("i")}, {db.at("i")}
FROM {db.series(1, PEOPLE)};
INSERT INTO task_management_taskgroup (id, {common}, json_ext, code, completion_policy)
SELECT {db.key("8a00", "i")}, {record}, {db.json("'{}'")}, 'LOAD-' || i,
  CASE i % 3 WHEN 0 THEN 'ALL' WHEN 1 THEN 'ANY' ELSE 'N' END
FROM {db.series(0, GROUPS - 1)};
{seats("9a00", 0, GROUPS * 5 - 1, db.key("8a00", "i / 5"), db.key("ba00", f"1 + i % {PEOPLE}"))}
{"".join(seats(f"9b{n:02x}", 0, FEW - 1, db.key("8a00", "i"), named(name)) for n, name in enumerate(peers("ada")))}
{"".join(seats(f"9c{n:02x}", 0, MANY - 1, db.key("8a00", "i"), named(name)) for n, name in enumerate(peers("ben")))}
INSERT INTO task_management_task (id, {common}, source, status, executor_action_event, business_status, business_event,
  task_group_id, data)
SELECT {db.key("aa00", "i")}, {record}, {source}, {status}, 'default', {db.json("'{}'")}, ({source}) || '.update',
  CASE WHEN i % 10 <> 0 THEN {db.key("8a00", f"(i * 7) % {GROUPS}")} END, {db.json(data)}
FROM {db.series(1, tasks)};
"""


class Server:
    """A build of the program on a database of its own."""

    def __init__(self, name: str, program: str, url: str):
        self.name, self.program, self.url = name, program, url
        self.environment = {**os.environ, "TASKS__AUTH__SECRET": "x" * 32, "TASKS__LOG__FILTER": "error"}
        self.used: dict[str, int] = {}
        self.tokens: dict[str, str] = {}

    def load(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            # What an older build understands too.
            json.dump({"roles": DEMO["roles"], "users": people()}, file)
            file.flush()
            command = [self.program, "load", "--database-url", self.url, file.name]
            run = subprocess.run(command, env=self.environment, cwd="/", capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{self.name} does not load: {run.stderr.strip()}")

    def start(self) -> float:
        """Seconds until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % free.getsockname()[1]
        self.endpoint = f"http://{address}/api/graphql"
        begun = time.perf_counter()
        command = [self.program, "serve", "--database-url", self.url, "--listen", address]
        # From a folder without settings: an older build may not know all of this one's.
        self.process = subprocess.Popen(command, env=self.environment, cwd="/")
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/readyz", timeout=5)
                return time.perf_counter() - begun
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - begun > 30:
                    raise SystemExit(f"{self.name} does not serve")
                time.sleep(0.005)

    def ask(self, query: str, token: str = "") -> dict:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(self.endpoint, json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def token(self, username: str) -> str:
        if username not in self.tokens:
            password = next(user["password"] for user in people() if user["username"] == username)
            login = f'mutation {{ tokenAuth(username: "{username}", password: "{password}") {{ token }} }}'
            self.tokens[username] = self.ask(login)["tokenAuth"]["token"]
        return self.tokens[username]

    def processor_ms(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


def wrk(folder: pathlib.Path, endpoint: str, tokens: str, bodies: list[str], used: int, clients: int, seconds: int):
    """Requests a second, how many, and milliseconds of half and of 99 of 100."""
    script, lines = folder / "wrk.lua", folder / "bodies"
    script.write_text(WRK)
    lines.write_text("".join(json.dumps({"query": body}) + "\n" for body in bodies))
    options = ["-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", script]
    run = subprocess.run(["wrk", *options, endpoint, "--", lines, tokens, str(used)], capture_output=True, text=True)
    if run.stderr:
        print("   not answered well:", run.stderr.splitlines()[0])
    rate, count, half, most = re.search(r"RESULT ([\d.]+) (\d+) ([\d.]+) ([\d.]+)", run.stdout).groups()
    return float(rate), int(count), float(half), float(most)


def pgbench(folder: pathlib.Path, url: str, text: str, tasks: int, clients: int, seconds: int) -> float:
    script = folder / "least.sql"
    script.write_text(text)
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-D", f"tasks={tasks}"]
    run = subprocess.run(["pgbench", *options, "-f", script, url], capture_output=True, text=True)
    rate = re.search(r"tps = ([\d.]+)", run.stdout)
    if not rate:
        raise SystemExit(f"pgbench failed: {run.stderr}")
    return float(rate[1])


def measure(folder: pathlib.Path, servers: list[Server], db: Postgres | Sqlite, options: argparse.Namespace) -> None:
    open_tasks = [n for n in range(1, options.tasks + 1) if 0 < n % 10 < 4]
    ids = {user["username"]: user["id"] for user in people()}
    # The request of a number is sent by the peer of that number.
    voters = [ids[name] for name in peers("admin")]
    open_tasks = open_tasks[: len(open_tasks) // PEERS * PEERS]
    requests = {
        "list": ("admin", [listed()]),
        "list with count": ("admin", [listed("totalCount")]),
        "executor's list": ("ada", [listed()]),
        "executor's list with count": ("ada", [listed("totalCount")]),
        "list of one with many": ("ben", [listed()]),
        "one task": ("admin", [one(n) for n in open_tasks[:2000]]),
        "vote": ("admin", [vote(n, voters[at % PEERS]) for at, n in enumerate(open_tasks)]),
        "createTask": ("admin", [create(n) for n in range(30_000)]),
    }
    print("| request | clients | build | a second | p50 / p99 ms | processor ms | MiB | least SQL | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for what, (username, bodies) in requests.items():
        if options.only and what not in options.only.split(","):
            continue
        for clients in map(int, options.clients.split(",")):
            for server in servers:
                used = server.used.get(what, 0)
                tokens = " ".join(map(server.token, peers(username)))
                for seconds in (2, options.seconds):
                    spent = server.processor_ms()
                    rate, count, half, most = wrk(folder, server.endpoint, tokens, bodies, used, clients, seconds)
                    spent = (server.processor_ms() - spent) / max(count, 1)
                    used += count + clients
                server.used[what] = used
                if len(bodies) > 1 and what != "one task" and used > len(bodies):
                    print(f"   {what}: ran out of requests, which were then repeated")
                least = ("", "")
                if isinstance(db, Postgres) and what in LEAST:
                    tps = pgbench(folder, server.url, LEAST[what], options.tasks, clients, max(3, options.seconds // 2))
                    least = (f"{tps:.0f}", f"{rate / tps:.2f}")
                figures = f"{rate:.0f} | {half:.1f} / {most:.1f} | {spent:.2f} | {server.memory_mib()}"
                print(f"| {what} | {clients} | {server.name} | {figures} | {least[0]} | {least[1]} |", flush=True)
            if isinstance(db, Postgres) and what == "list":
                bare(folder, servers[0].url, clients, options.seconds)


def bare(folder: pathlib.Path, url: str, clients: int, seconds: int) -> None:
    program = BUILT / "examples" / "bare"
    with subprocess.Popen([program, url], stdout=subprocess.PIPE, text=True) as process:
        try:
            endpoint = process.stdout.readline().strip() + "/"
            wrk(folder, endpoint, "nobody", [""], 0, clients, 2)
            rate, _, half, most = wrk(folder, endpoint, "nobody", [""], 0, clients, seconds)
            print(f"| list | {clients} | bare handler | {rate:.0f} | {half:.1f} / {most:.1f} | | | | |", flush=True)
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--before", help="another build, measured in turns with this one")
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--clients", default="1,8", help="how many at once, after one another")
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--only", default="", help="names of requests, with commas between them")
    options = parser.parse_args()
    db = Postgres(options.url) if options.url.startswith("postgres") else Sqlite(options.url)
    builds = {"now": str(BUILT / "tasks-management"), **({"before": options.before} if options.before else {})}
    servers = [Server(name, program, db.fresh(name)) for name, program in builds.items()]
    try:
        for server in servers:
            server.load()
            db.run(server.url, sample(db, options.tasks))
            print(f"{server.name}: ready after {server.start() * 1000:.0f} ms, {server.memory_mib()} MiB", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            measure(pathlib.Path(folder), servers, db, options)
    finally:
        for server in servers:
            if hasattr(server, "process"):
                server.process.terminate()
                server.process.wait()


if __name__ == "__main__":
    main()

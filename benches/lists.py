#!/usr/bin/env python3
"""How fast lists are, and whether deep pages cost more than the first: ratios within one run, on either database.

    cargo build --release
    benches/lists.py sqlite:///tmp/bench/tasks.db
    scripts/with-postgres sh -c 'benches/lists.py "$TASKS_TEST_POSTGRES_URL"'

Loads people, groups and TASKS tasks (100 000 unless the environment says otherwise) into an empty database, starts
BINARY (the release build unless the environment says otherwise) on it, and asks over HTTP, one request after the
other. Names after the URL are the orders to measure; without any, all that tasks can be sorted by are. Python 3,
standard library only.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("BINARY", ROOT / "target" / "release" / "tasks-management")
TASKS = int(os.environ.get("TASKS", "100000"))
ADDRESS = "127.0.0.1:8765"
PAGE = 100
DEEP = min(60, TASKS // PAGE // 2)
ADMIN = "11111111-1111-4111-8111-000000000001"
PEOPLE = GROUPS = 40


def sample() -> dict:
    """The demo's people and groups, more of both, and many tasks, spread over all of them without a pattern."""
    data = json.loads((ROOT / "src" / "demo.json").read_text())
    written = {
        "isDeleted": False, "jsonExt": None, "version": 1, "dateCreated": "2026-01-05T08:00:00",
        "dateUpdated": "2026-01-05T08:00:00", "userCreated": ADMIN, "userUpdated": ADMIN,
    }
    people = [f"11111111-1111-4111-9111-{n:012x}" for n in range(PEOPLE)]
    groups = [f"22222222-2222-4222-9222-{n:012x}" for n in range(GROUPS)]
    data["users"] += [
        {"id": id, "username": f"maker{n * 17 % PEOPLE:02}", "password": "maker123"} for n, id in enumerate(people)
    ]
    data["taskGroups"] += [
        {**written, "id": id, "code": f"OFFICE-{n * 17 % GROUPS:02}", "completionPolicy": ["ALL", "ANY"][n % 2]}
        for n, id in enumerate(groups)
    ]
    data["contentTypes"] = [{"id": n, "appLabel": "bench", "model": f"kind{n}"} for n in (1, 2, 3)]
    statuses = ["RECEIVED", "ACCEPTED", "COMPLETED", "FAILED"]
    data["tasks"] = [
        {
            **written, "id": f"00000000-0000-7000-8000-{n:012x}", "version": 1 + n % 7,
            "dateCreated": f"2026-01-{1 + n % 28:02}T{n // 28 % 24:02}:{n // 672 % 60:02}:00.{n % 1000000:06}",
            "dateUpdated": f"2026-02-{1 + n % 25:02}T{n // 25 % 24:02}:{n // 600 % 60:02}:00.{n % 1000000:06}",
            "userCreated": people[n * 7919 % 104729 % PEOPLE], "userUpdated": people[n * 104729 % 7919 % PEOPLE],
            "source": f"Source{n % 50}", "entityType": 1 + n % 3, "entityId": f"{n * 7919 % 1000003}",
            "entityString": f"Beneficiary {n * 7919 % 1000003}", "status": statuses[n % 4],
            "executorActionEvent": ["default", "create", None][n % 3],
            "businessStatus": {people[n % PEOPLE]: "APPROVED"} if n % 4 else {},
            "businessEvent": f"Source{n % 50}.update",
            "taskGroup": None if n % 4 == 0 else groups[n * 7919 % 104729 % GROUPS],
            "data": {"incoming_data": {"n": n}}, "businessDataSerializer": None,
        }
        for n in range(TASKS)
    ]
    return data


def send(query: str, token: str | None = None) -> dict:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"http://{ADDRESS}/api/graphql", json.dumps({"query": query}).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def ask(query: str, token: str | None = None) -> dict:
    body = send(query, token)
    assert "errors" not in body, body
    return body["data"]


def timed(times: int, token: str, *queries: str) -> list[float]:
    """Milliseconds for each query, the median of several; asked in turns, so that all meet the same weather."""
    spent = [[] for _ in queries]
    for _ in range(times):
        for query, mine in zip(queries, spent):
            start = time.perf_counter()
            ask(query, token)
            mine.append((time.perf_counter() - start) * 1000)
    return [sorted(mine)[times // 2] for mine in spent]


def order_keys(token: str) -> list[str]:
    """What tasks can be sorted by, from the error that names it."""
    answer = send('{ task(orderBy: "nonsense") { totalCount } }', token)
    message = answer["errors"][0]["message"].replace("\u2068", "").replace("\u2069", "")
    return message.split(": ", 1)[1].removesuffix(" are allowed.").split(", ")


def page(order: str, start: str = "") -> str:
    info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    return f'{{ task(first: {PAGE}, orderBy: ["{order}"]{start}) {{ {info} edges {{ node {{ id }} }} }} }}'


def measure(order: str, token: str) -> list[float]:
    """Milliseconds for the first page and for a deep one, whose cursor is got by an offset."""
    before = ask(page(order, f", offset: {(DEEP - 2) * PAGE}"), token)
    cursor = before["task"]["pageInfo"]["endCursor"]
    return timed(15, token, page(order), page(order, f', after: "{cursor}"'))


def main() -> None:
    url = sys.argv[1]
    environment = {**os.environ, "TASKS__AUTH__SECRET": "x" * 32, "TASKS__LOG__FILTER": "warn"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(sample(), file)
        file.flush()
        start = time.perf_counter()
        load = [BINARY, "load", "--database-url", url, file.name]
        print(subprocess.run(load, env=environment, check=True, capture_output=True, text=True).stdout.strip())
        print(f"load: {TASKS / (time.perf_counter() - start):.0f} tasks/s")
    server = subprocess.Popen([BINARY, "serve", "--database-url", url, "--listen", ADDRESS], env=environment)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{ADDRESS}/healthz")
                break
            except OSError:
                time.sleep(0.1)
        if url.startswith("postgres"):
            # It counts by itself what was loaded, but does so once a minute (autovacuum_naptime).
            time.sleep(float(os.environ.get("PAUSE", "90")))
        login = ask('mutation { tokenAuth(username: "admin", password: "admin123") { token } }')
        token = login["tokenAuth"]["token"]
        front_end = (
            "task({}first: 10, orderBy: [\"-dateCreated\"]) {{ {} pageInfo {{ hasNextPage hasPreviousPage startCursor "
            "endCursor }} edges {{ node {{ id entityId entityString source status businessEvent dateCreated isDeleted "
            "taskGroup {{ id code completionPolicy }} data jsonExt }} }} }}"
        )
        plain, counted = timed(
            100, token, "{ " + front_end.format("", "") + " }", "{ " + front_end.format("", "totalCount") + " }"
        )
        print(f"front end's list of 10: {plain:.1f} ms, {1000 / plain:.0f} a second one after the other")
        print(f"  with totalCount: {counted:.1f} ms ({counted / plain:.1f} times that)")
        print(f"{'orderBy':32} page 1, page {DEEP} of {PAGE} rows each, ratio")
        ratios = {}
        for key in sys.argv[2:] or order_keys(token):
            for order in [key, f"-{key}"]:
                first, deep = measure(order, token)
                ratios[order] = deep / first
                print(f"{order:32} {first:7.1f} ms {deep:7.1f} ms {ratios[order]:5.2f}", flush=True)
        worst = sorted(ratios, key=ratios.get)[-3:]
        print("worst:", ", ".join(f"{order} {ratios[order]:.2f}" for order in reversed(worst)))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

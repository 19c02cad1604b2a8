#!/usr/bin/env python3
"""How fast lists are, and whether deep pages cost more than the first: ratios within one run, on either database.

    cargo build --release
    benches/lists.py sqlite:///tmp/bench/tasks.db
    scripts/with-postgres sh -c 'benches/lists.py "$TASKS_TEST_POSTGRES_URL"'

Loads a group, its people and TASKS tasks (100 000 unless the environment says otherwise) into an empty database, starts
the release binary on it, and asks over HTTP, one request after the other. Python 3, standard library only.
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
BINARY = ROOT / "target" / "release" / "tasks-management"
TASKS = int(os.environ.get("TASKS", "100000"))
ADDRESS = "127.0.0.1:8765"
ADMIN = "11111111-1111-4111-8111-000000000001"
GROUP = "22222222-2222-4222-8222-000000000001"


def sample() -> dict:
    """The demo's people and groups, and many tasks."""
    data = json.loads((ROOT / "src" / "demo.json").read_text())
    statuses = ["RECEIVED", "ACCEPTED", "COMPLETED", "FAILED"]
    data["tasks"] = [
        {
            "id": f"00000000-0000-7000-8000-{n:012x}", "isDeleted": False, "jsonExt": None, "version": 1,
            "dateCreated": f"2026-01-{1 + n % 28:02}T{n // 28 % 24:02}:{n // 672 % 60:02}:00.{n % 1000000:06}",
            "dateUpdated": "2026-02-01T00:00:00", "userCreated": ADMIN, "userUpdated": ADMIN,
            "source": f"Source{n % 50}", "entityType": None, "entityId": None, "entityString": f"Beneficiary {n}",
            "status": statuses[n % 4], "executorActionEvent": "default", "businessStatus": {},
            "businessEvent": f"Source{n % 50}.update", "taskGroup": None if n % 4 == 0 else GROUP,
            "data": {"incoming_data": {"n": n}}, "businessDataSerializer": None,
        }
        for n in range(TASKS)
    ]
    return data


def ask(query: str, token: str | None = None) -> dict:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"http://{ADDRESS}/api/graphql", json.dumps({"query": query}).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    assert "errors" not in body, body
    return body["data"]


def timed(query: str, token: str, times: int) -> float:
    """Milliseconds for one request, the median of several."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        ask(query, token)
        spent.append((time.perf_counter() - start) * 1000)
    return sorted(spent)[len(spent) // 2]


def deep_cursor(order: str, token: str, pages: int) -> str:
    cursor = ""
    for _ in range(pages):
        after = f', after: "{cursor}"' if cursor else ""
        page = ask(f'{{ task(first: 100, orderBy: ["{order}"]{after}) {{ pageInfo {{ endCursor }} }} }}', token)
        cursor = page["task"]["pageInfo"]["endCursor"]
    return cursor


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
        login = ask('mutation { tokenAuth(username: "admin", password: "admin123") { token } }')
        token = login["tokenAuth"]["token"]
        front_end = (
            "task({}first: 10, orderBy: [\"-dateCreated\"]) {{ {} pageInfo {{ hasNextPage hasPreviousPage startCursor "
            "endCursor }} edges {{ node {{ id entityId entityString source status businessEvent dateCreated isDeleted "
            "taskGroup {{ id code completionPolicy }} data jsonExt }} }} }}"
        )
        plain = timed("{ " + front_end.format("", "") + " }", token, 200)
        counted = timed("{ " + front_end.format("", "totalCount") + " }", token, 50)
        print(f"front end's list of 10: {plain:.1f} ms, {1000 / plain:.0f} a second one after the other")
        print(f"  with totalCount: {counted:.1f} ms ({counted / plain:.1f} times that)")
        for order in ["-dateCreated", "source", "type", "status", "assignee"]:
            pages = TASKS // 100 // 2
            first = timed(f'{{ task(first: 100, orderBy: ["{order}"]) {{ edges {{ node {{ id }} }} }} }}', token, 9)
            cursor = deep_cursor(order, token, min(pages, 60))
            deep = timed(
                f'{{ task(first: 100, orderBy: ["{order}"], after: "{cursor}") {{ edges {{ node {{ id }} }} }} }}', token, 9
            )
            print(f"orderBy {order}: first page {first:.1f} ms, page {min(pages, 60)} {deep:.1f} ms, ratio {deep / first:.2f}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

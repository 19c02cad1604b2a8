#!/usr/bin/env python3
"""How long many votes take together, and one by one: the ratio within one run, on either database.

    cargo build --release
    benches/votes.py sqlite:///tmp/bench/votes.db
    scripts/with-postgres sh -c 'benches/votes.py "$TASKS_TEST_POSTGRES_URL"'

Loads people, groups and tasks into an empty database, starts BINARY (the release build unless the environment says
otherwise) on it, and casts VOTES votes (500 unless the environment says otherwise) three times in each way, in turns.
Python 3, standard library only.
"""
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("BINARY", ROOT / "target" / "release" / "tasks-management")
VOTES = int(os.environ.get("VOTES", "500"))
ROUNDS = 3
HOST, PORT = "127.0.0.1", 8766
ADMIN, ADA = "11111111-1111-4111-8111-000000000001", "11111111-1111-4111-8111-000000000004"
GROUP = "22222222-2222-4222-8222-000000000001"


def sample() -> dict:
    """The demo's people and groups, and tasks on which all three executors must agree."""
    data = json.loads((ROOT / "src" / "demo.json").read_text())
    data["tasks"] = [
        {
            "isDeleted": False, "jsonExt": None, "version": 1, "dateCreated": "2026-01-05T08:00:00",
            "dateUpdated": "2026-01-05T08:00:00", "userCreated": ADMIN, "userUpdated": ADMIN,
            "id": f"00000000-0000-7000-8000-{n:012x}", "source": "Bench", "entityType": None, "entityId": None,
            "entityString": None, "status": "ACCEPTED", "executorActionEvent": "default", "businessStatus": {},
            "businessEvent": None, "taskGroup": GROUP, "data": {"n": n}, "businessDataSerializer": None,
        }
        for n in range(2 * ROUNDS * VOTES)
    ]
    return data


class Client:
    """One connection that stays open."""

    def __init__(self) -> None:
        self.connection = http.client.HTTPConnection(HOST, PORT)
        self.token = None

    def send(self, query: str, given: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps({"query": query, "variables": {"in": given}})
        self.connection.request("POST", "/api/graphql", body, headers)
        answer = json.loads(self.connection.getresponse().read())
        assert "errors" not in answer, answer
        return answer["data"]


def item(n: int) -> dict:
    return {"id": f"00000000-0000-7000-8000-{n:012x}", "businessStatus": json.dumps({ADA: "APPROVED"})}


def one_by_one(client: Client, numbers: range) -> None:
    query = "mutation($in: ResolveTaskMutationInput!) { resolveTask(input: $in) { internalId } }"
    for n in numbers:
        client.send(query, item(n))


def together(client: Client, numbers: range) -> None:
    query = "mutation($in: ResolveTasksMutationInput!) { resolveTasks(input: $in) { outcomes { id ok code } } }"
    answer = client.send(query, {"mode": "EACH", "items": [item(n) for n in numbers]})
    assert all(outcome["ok"] for outcome in answer["resolveTasks"]["outcomes"]), answer


def main() -> None:
    url = sys.argv[1]
    environment = {**os.environ, "TASKS__AUTH__SECRET": "x" * 32, "TASKS__LOG__FILTER": "warn"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(sample(), file)
        file.flush()
        subprocess.run([BINARY, "load", "--database-url", url, file.name], env=environment, check=True, capture_output=True)
    listen = f"{HOST}:{PORT}"
    server = subprocess.Popen([BINARY, "serve", "--database-url", url, "--listen", listen], env=environment)
    try:
        client = Client()
        for _ in range(100):
            try:
                query = "mutation($in: String!) { tokenAuth(username: $in, password: \"ada12345\") { token } }"
                client.token = client.send(query, "ada")["tokenAuth"]["token"]
                break
            except OSError:
                client = Client()
                time.sleep(0.1)
        spent = {one_by_one: [], together: []}
        for n in range(ROUNDS):
            for place, way in enumerate(spent):
                first = (2 * n + place) * VOTES
                start = time.perf_counter()
                way(client, range(first, first + VOTES))
                spent[way].append(time.perf_counter() - start)
        singly, at_once = (sorted(times)[ROUNDS // 2] for times in spent.values())
        print(f"{VOTES} votes one by one: {singly:.2f} s; together: {at_once:.2f} s; ratio {at_once / singly:.2f}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

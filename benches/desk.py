#!/usr/bin/env python3
"""How fast the desk is in a browser whose processor is four times slower: what the issue of the desk promises, measured.

    cargo build --release
    benches/desk.py sqlite:///tmp/bench
    scripts/with-postgres sh -c 'benches/desk.py "$TASKS_TEST_POSTGRES_URL"'

The URL of a folder for SQLite files, or of a PostgreSQL server on which databases may be created. For each of TASKS (10000 and
1000000 unless the environment says otherwise) it fills a database, serves it, and prints how long it takes

- with nothing in the browser's cache, until a stranger sees the form to log in, and until somebody with a session sees the list;
- from the click on a list until it is painted, what is in sight of it, and all of its 50 rows: what waits for a person of 40 groups, and all
  tasks that she sees; clicked at once, as no hand does, and after pointing at the link for 150 ms.

The median, the worst, and what was promised. Needs chromium and its driver (Debian: chromium, chromium-driver), and psql for PostgreSQL. Python 3,
standard library only.
"""
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benches"), str(ROOT / "scripts")]

from browser import Browser  # noqa: E402
from load import BUILT, Postgres, Server, Sqlite, sample  # noqa: E402

SLOWER = 4
TIMES = int(os.environ.get("TIMES", "9"))
TASKS = [int(number) for number in os.environ.get("TASKS", "10000,1000000").split(",")]
PROMISED = {"first": 1000, "click": 150}

# Runs before the page: the moment at which something that is waited for has been painted.
WATCH = """
window.seen = {};
const painted = (what) => {
  if (what in seen) return;
  seen[what] = null;
  requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => (seen[what] = performance.now()); port2.postMessage(0); });
};
const look = () => {
  if (document.querySelector('input[name=username]')) painted('form');
  if (document.querySelector('.row')) painted('rows');
  const rows = document.querySelectorAll('.row');
  const named = rows[0]?.querySelector('a').textContent + rows[0]?.querySelector('a').href;
  if (!window.wanted || !document.querySelector(wanted.css) || !rows.length || named === wanted.before) return;
  if (rows.length >= Math.min(50, innerHeight / 60)) painted('sight');
  if (rows.length >= 50) painted('all');
};
new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
addEventListener('click', (event) => (window.clicked = event.timeStamp), true);
"""


def tell(what: str, times: list[float], promised: int) -> None:
    half, worst = statistics.median(times), max(times)
    print(f"  {what:<66} {half:6.0f} ms, at most {worst:6.0f}   (promised {promised}{'' if half <= promised else ': MISSED'})", flush=True)


def first(browser: Browser, address: str, what: str) -> list[float]:
    times = []
    for _ in range(TIMES):
        browser.devtools("Network.clearBrowserCache")
        browser.post("/url", {"url": "about:blank"})
        browser.post("/url", {"url": address})
        browser.wait(f"window.seen.{what}")
        times.append(browser.script(f"return seen.{what}"))
    return times


def click(browser: Browser, css: str, points: bool) -> None:
    """A click, before which a hand points at the link for a moment, or does not."""
    link = browser.script("return document.querySelector(arguments[0])", css)
    pause = [{"type": "pause", "duration": 150}] if points else []
    moves = [{"type": "pointerMove", "duration": 0, "origin": link, "x": 0, "y": 0}, *pause]
    presses = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
    browser.post("/actions", {"actions": [{"type": "pointer", "id": "hand", "actions": moves + presses}]})


def clicked(browser: Browser, address: str, lists: tuple[str, str], points: bool) -> tuple[list[float], list[float]]:
    """From the click on the first of the lists until the rows in sight are painted, and until all 50 are; the other one is shown before."""
    sight, all_rows = [], []
    browser.post("/url", {"url": f"{address}?list={lists[0]}"})
    browser.wait("document.querySelectorAll('.row').length >= 50")
    for _ in range(TIMES):
        for name in reversed(lists):
            browser.script(
                "delete seen.sight; delete seen.all; const link = document.querySelector('.row a');"
                "window.wanted = { css: arguments[0], before: link.textContent + link.href };",
                f"nav a[href='?list={name}'][aria-current]")
            click(browser, f"nav a[href='?list={name}']", points)
            browser.wait("window.seen.all")
            took = browser.script("return [seen.sight - clicked, seen.all - clicked]")
            # What the page still does for itself is over before the next click.
            time.sleep(0.5)
        sight.append(took[0])
        all_rows.append(took[1])
    return sight, all_rows


def measure(server: Server, tasks: int) -> None:
    address = server.endpoint.removesuffix("api/graphql")
    browser = Browser()
    try:
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        browser.devtools("Emulation.setCPUThrottlingRate", rate=SLOWER)
        print(f"{tasks:,} tasks, {server.url.split(':')[0]}, processor {SLOWER} times slower", flush=True)
        tell("form to log in, nothing cached", first(browser, address, "form"), PROMISED["first"])
        loaded = browser.script("return performance.getEntriesByType('resource').reduce((sum, entry) => sum + (entry.initiatorType === 'fetch' && !entry.name.includes('/desk/') ? 0 : entry.encodedBodySize), 0)")
        browser.script("document.querySelector('input[name=username]').value = 'ben'; document.querySelector('input[name=password]').value = 'ben12345'")
        browser.script("document.querySelector('.login button').click()")
        browser.wait("document.querySelector('.row')")
        tell("list of 50, nothing cached", first(browser, address, "rows"), PROMISED["first"])
        for lists, what in ((("awaiting", "all"), "what waits for a person"), (("all", "awaiting"), "all that she sees")):
            for points in (True, False):
                sight, all_rows = clicked(browser, address, lists, points)
                how = "after pointing at it" if points else "at once"
                tell(f"{what}, clicked {how}: what is in sight", sight, PROMISED["click"])
                tell(f"{what}, clicked {how}: all 50 rows", all_rows, PROMISED["click"])
        print(f"  {loaded / 1000:.0f} kB were loaded by the page of a stranger (promised 90)")
    finally:
        browser.close()


def main() -> None:
    url = sys.argv[1]
    db = Postgres(url) if url.startswith("postgres") else Sqlite(url)
    for tasks in TASKS:
        server = Server("now", str(BUILT / "tasks-management"), db.fresh(f"desk_{tasks}"))
        server.load()
        db.run(server.url, sample(db, tasks))
        server.start()
        try:
            measure(server, tasks)
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()

"""Headless Chromium, driven over WebDriver by its own driver (Debian: chromium, chromium-driver). Standard library only."""
import json
import re
import subprocess
import time
import urllib.request


class Browser:
    """A browser over WebDriver."""

    def __init__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        port = next(m[1] for m in (re.search(r"on port (\d+)\.", line) for line in self.driver.stdout) if m)
        self.base = f"http://127.0.0.1:{port}/session"
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--lang=en-US", "--hide-scrollbars"]}
        begun = self.post("", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.base += "/" + begun["sessionId"]

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["value"]

    def post(self, path, body):
        return self.ask("POST", path, body)

    def script(self, text, *arguments):
        return self.post("/execute/sync", {"script": text, "args": list(arguments)})

    def wait(self, condition):
        for _ in range(1000):
            if self.script(f"return Boolean({condition})"):
                return
            time.sleep(0.02)
        raise SystemExit(f"in vain it was waited until {condition}")

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def close(self):
        self.ask("DELETE", "")
        self.driver.terminate()
        self.driver.wait()

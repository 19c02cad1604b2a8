#!/usr/bin/env python3
"""Receives webhooks of tasks-management: verifies them as Standard Webhooks has it, and acts on each event once."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

# One secret, or two with a blank between them while they are changed.
SECRETS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in os.environ["WEBHOOK_SECRETS"].split()]
TOLERANCE_S = 300
LARGEST = 4 * 1024 * 1024


def is_signed(headers, body):
    moment = headers.get("webhook-timestamp", "")
    if not moment.isascii() or not moment.isdigit() or abs(time.time() - int(moment)) > TOLERANCE_S:
        return False
    signed = f"{headers.get('webhook-id', '')}.{moment}.".encode() + body
    given = [part[3:].encode() for part in headers.get("webhook-signature", "").split() if part.startswith("v1,")]
    wanted = [base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()) for secret in SECRETS]
    return any([hmac.compare_digest(one, other) for one in wanted for other in given])


def act(event):
    task, user = event["data"]["task"], event["data"]["user"]
    print(f"{event['type']}: {task['entityString'] or task['uuid']} is {task['status']}, by {user['username']}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST:
            return self.say(413)
        body = self.rfile.read(int(length))
        if not is_signed(self.headers, body):
            return self.say(401)
        # The id is kept in the transaction of the work: an event counts as seen only once it was acted on.
        with sqlite3.connect("seen.db") as seen:
            seen.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
            if seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", [self.headers["webhook-id"]]).rowcount:
                act(json.loads(body))
        self.say(204)

    def say(self, status):
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver).serve_forever()

# SPDX-License-Identifier: MIT
"""Keeps each POST as a JSON object {path, headers, body} in a file of its own.

Usage: http_receiver.py PORT DIRECTORY. Listens on 127.0.0.1. The files are
named in the order of the requests: 000001.json and so on. All is answered by
200 {}, but for the paths /fail/CODE/TIMES/..., which are answered by CODE so many
times, and /hang/..., which are not answered before the client goes away.
"""

import collections
import http.server
import itertools
import json
import os
import sys

numbers = itertools.count(1)
requests_for = collections.Counter()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode("utf-8", "backslashreplace")
        request = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        path = os.path.join(sys.argv[2], "%06d.json" % next(numbers))
        with open(path + ".new", "w") as file:
            json.dump(request, file)
        os.rename(path + ".new", path)
        requests_for[self.path] += 1
        kind, *words = self.path.split("/")[1:]
        if kind == "hang":
            self.rfile.read(1)
            return
        fails = kind == "fail" and requests_for[self.path] <= int(words[1])
        self.send_response(int(words[0]) if fails else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

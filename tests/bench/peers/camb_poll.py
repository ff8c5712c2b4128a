# SPDX-License-Identifier: MIT
"""For collectd's python plugin: polls all tasks in each interval, with threads and
kept connections, by the standard library."""
import collectd
import http.client
import json
import ssl
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

CODES = {"SUCCESS": 0, "PENDING": 1, "ERROR": 2, "TIMEOUT": 3, "PAYMENT_REQUIRED": 4}
options = {}
local = threading.local()


def configure(config):
    for child in config.children:
        options[child.key] = child.values[0]


def start():
    options["tasks"] = open(options["Tasks"]).read().split()
    options["context"] = ssl.create_default_context(cafile=options["CACert"])
    options["url"] = urllib.parse.urlsplit(options["URL"])
    options["pool"] = ThreadPoolExecutor(int(options["Threads"]))


def ask(task):
    url = options["url"]
    if not hasattr(local, "connection"):
        local.connection = http.client.HTTPSConnection(
            url.hostname, url.port, timeout=10, context=options["context"])
    try:
        local.connection.request(
            "GET", f"{url.path}/project-setup/{urllib.parse.quote(task)}",
            headers={"x-api-key": "test-key"})
        answer = local.connection.getresponse()
        status = json.loads(answer.read())["status"]
        return task, CODES.get(status, -1)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        local.connection.close()
        return task, -1


def read():
    for task, code in options["pool"].map(ask, options["tasks"]):
        collectd.Values(plugin="camb_task", plugin_instance=task, type="gauge",
                        type_instance="status").dispatch(values=[code])


collectd.register_config(configure)
collectd.register_init(start)
collectd.register_read(read)

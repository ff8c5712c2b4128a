#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks a data source all that a Grafana dashboard would ask it.

Usage: dashboard_queries.py DASHBOARD URL SECONDS [NAME=VALUE...]

The dashboard shows the last SECONDS, with one variable after another set to the
values that are given (the same NAME several times), else to All. What is between
dollar and name is put in as Grafana 13 does it for Prometheus and for InfluxQL.

Prints {"variables": {NAME: [OPTION...]}, "panels": {TITLE: {REF: [SERIES...]}}},
a series being {"labels": {...}, "values": [[TIME, VALUE]...]}, or for InfluxQL
with "columns" for its values. A query that fails ends it with a message.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

MOST_POINTS = 500  # a panel asks for no more than it has pixels
SCRAPE_INTERVAL = 1
LEAST_INTERVAL = 2  # instead of a panel's own, which is for slower collectds

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url, parameters):
    data = urllib.parse.urlencode(parameters, doseq=True)
    try:
        with opener.open(f"{url}?{data}", timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{parameters}: {error}: {error.read().decode()}")


def escape_regex(value):
    """As ${name:regex} does it."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


class Prometheus:
    def __init__(self, url, begin, end):
        self.url, self.begin, self.end = url + "/api/v1", begin, end

    @staticmethod
    def escape(value):
        value = value.replace("\\", "\\\\\\\\")
        return re.sub(r"[$^*{}\[\]+?.()|]", r"\\\\\g<0>", value)

    def get(self, path, **parameters):
        return ask(f"{self.url}/{path}", parameters)["data"]

    def options(self, query):
        found = re.fullmatch(r"label_values\((.*), *(\w+)\)", query)
        if found:
            return self.get(f"label/{found[2]}/values", **{
                "match[]": found[1], "start": self.begin, "end": self.end})
        found = re.fullmatch(r"query_result\((.*)\)", query)
        if not found:
            sys.exit(f"not known here: {query}")
        answer = self.get("query", query=found[1], time=self.end)
        return ["{%s} %s %d" % (
            ",".join(f'{name}="{value}"' for name, value in series["metric"].items()),
            series["value"][1], series["value"][0] * 1000)
            for series in answer["result"]]

    def series(self, target, interval):
        if target.get("instant"):
            answer = self.get("query", query=target["expr"], time=self.end)
        else:
            answer = self.get("query_range", query=target["expr"],
                              start=self.begin, end=self.end, step=interval)
        return [{"labels": series["metric"],
                 "values": series.get("values") or [series["value"]]}
                for series in answer["result"]]


class InfluxQL:
    def __init__(self, url, begin, end):
        self.url = url + "/query"

    @staticmethod
    def escape(value):
        sys.exit(f"put in without the format regex: {value}")

    def run(self, query):
        result = ask(self.url, {"q": query, "db": "collectd", "epoch": "ms"})["results"][0]
        if "error" in result:
            sys.exit(f"{query}: {result['error']}")
        return result.get("series", [])

    def options(self, query):
        values = [row[1] for series in self.run(query) for row in series["values"]]
        return list(dict.fromkeys(values))

    def series(self, target, interval):
        return [{"labels": series.get("tags", {}), "values": series["values"],
                 "columns": series["columns"]} for series in self.run(target["query"])]


class Dashboard:
    def __init__(self, model, source, begin, end, chosen):
        self.model, self.source = model, source
        self.seconds = end - begin
        self.values = {
            "__range": f"{self.seconds:.0f}s",
            "__to": str(int(end * 1000)),
            "timeFilter":
                f"time >= {int(begin * 1000)}ms and time <= {int(end * 1000)}ms",
        }
        self.options = {}
        for variable in model["templating"]["list"]:
            if variable["type"] == "query":
                self.choose(variable, chosen.get(variable["name"]))

    def choose(self, variable, chosen):
        options = self.source.options(self.replace(variable["query"]))
        if "regex" in variable:
            pattern = re.compile(variable["regex"].strip("/"))
            options = [found[1] for found in map(pattern.search, options) if found]
        if variable.get("sort") == 2:
            options = sorted(options, reverse=True)
        self.options[variable["name"]] = options
        if not chosen and "allValue" in variable:
            self.values[variable["name"]] = variable["allValue"]
        else:
            self.values[variable["name"]] = chosen or options

    def replace(self, query):
        def value(found):
            name, formatted = found[1] or found[2], found[3]
            if name.isdigit():
                return found[0]  # of a regular expression
            if name not in self.values:
                sys.exit(f"no variable {name}: {query}")
            values = self.values[name]
            if isinstance(values, str):
                return values
            escape = {None: self.source.escape, "regex": escape_regex}[formatted]
            escaped = [escape(value) for value in values]
            return escaped[0] if len(escaped) == 1 else "(%s)" % "|".join(escaped)
        return re.sub(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}", value, query)

    def answers(self):
        panels = {}
        for panel in self.model["panels"]:
            panels.setdefault(panel["title"], {})
            interval = max(LEAST_INTERVAL, int(
                self.seconds / panel.get("maxDataPoints", MOST_POINTS)))
            rate_interval = max(interval + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)
            self.values["__interval"] = f"{interval}s"
            self.values["__rate_interval"] = f"{rate_interval}s"
            for target in panel.get("targets", []):
                for key in "expr", "query":
                    if key in target:
                        target[key] = self.replace(target[key])
                panels[panel["title"]][target["refId"]] = \
                    self.source.series(target, interval)
        return panels


def main():
    path, url, seconds = sys.argv[1:4]
    chosen = {}
    for argument in sys.argv[4:]:
        name, value = argument.split("=", 1)
        chosen.setdefault(name, []).append(value)
    with open(path, encoding="utf-8") as file:
        model = json.load(file)
    kind = {"prometheus": Prometheus, "influxdb": InfluxQL}[
        model["templating"]["list"][0]["query"]]
    end = time.time()
    begin = end - float(seconds)
    dashboard = Dashboard(model, kind(url, begin, end), begin, end, chosen)
    json.dump({"variables": dashboard.options, "panels": dashboard.answers()},
              sys.stdout)


main()

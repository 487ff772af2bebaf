# SPDX-License-Identifier: BSD-3-Clause
"""Change under load: hundreds of applies, rollbacks and reloads while a generator sends at full rate on
one worker. Packets are numbered; a function at the end of the chain counts what is missing or out of
order. See tests/system/test_apply, which does the same for less long. What the machine does by itself
is measured beside it: the longest gap in as many windows of the same length in which nothing changes."""
import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import statistics
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FLOWS = 16384
SESSIONS = 100000
WARM = 20  # windows


def load(build):
    """The system test's parts: a running sluice, random chains, its checks."""
    os.environ["SLUICE_BUILD"] = str(build)
    path = str(ROOT / "tests/system/test_apply")
    loader = importlib.machinery.SourceFileLoader("test_apply", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("test_apply", loader))
    loader.exec_module(module)
    return module


def percentiles(values):
    ordered = sorted(values)

    def at(part):
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
    return [round(at(0.5), 1), round(at(0.99), 1), round(ordered[-1], 1)]


class Gaps:
    """The longest gap of the worker in each change: by the clock, and how long it had its core in the
    longest of the rounds in which it changed over."""

    def __init__(self):
        self.clock, self.own, self.took = [], [], []

    def measure(self, change):
        status, answer = change()
        assert status == 200, answer
        self.clock.append(answer["gap_us"])
        self.own.append(answer["own_gap_us"])
        self.took.append(answer["took_us"])
        return answer

    def row(self, case, flows, stats):
        counters = next(v for v in stats["vnfs"] if v["name"] == "end")["counters"]
        return {"case": f"change-{case}", "system": "sluice", "flows": flows, "bytes": 64,
                "changes": len(self.clock), "packets": stats["totals"]["tx"],
                "drops": stats["totals"]["drops"], "lost": counters["lost"],
                "reordered": counters["reordered"], "gap_us": percentiles(self.clock),
                "own_gap_us": percentiles(self.own),
                "took_us": round(statistics.median(self.took))}


def applies(test, count):
    """Functions are added, removed, reordered, and given other rules, at random."""
    with tempfile.TemporaryDirectory() as folder:
        test.order.clear()
        text = f", flows: {FLOWS}"
        sluice = test.Sluice(folder, several(test, text), [1], 0)
        gaps = Gaps()
        for _ in range(count):
            gaps.measure(lambda: sluice.apply(several(test, text)))
        stats = sluice.stop()
    test.check_law(stats["totals"])
    return gaps.row("apply", FLOWS, stats)


def several(test, text):
    return test.random_chain().replace(", flows: 256", text)


def rollbacks(test, count):
    with tempfile.TemporaryDirectory() as folder:
        test.order.clear()
        text = f", flows: {FLOWS}"
        sluice = test.Sluice(folder, several(test, text), [1], 0)
        gaps = Gaps()
        for i in range(count):
            if i % 10 == 0:
                assert sluice.apply(several(test, text))[0] == 200
            gaps.measure(lambda: sluice.ask("POST", "/v1/rollback", {}))
        stats = sluice.stop()
    test.check_law(stats["totals"])
    return gaps.row("rollback", FLOWS, stats)


def sessions(sluice, name):
    """Made so far, and there now."""
    counters = sluice.get(f"/v1/vnfs/{name}")["counters"]
    return counters.get("created", counters.get("sessions-made"))


def reloads(test, build, count):
    """Firewall and NAT built anew at their paths, in turn, with so many live sessions."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: shutil.copy(f"{build}/plugins/{name}.so", f"{folder}/{name}.so")
                 for name in ("firewall", "nat")}
        vnfs = {"fw": f"plugin: {paths['firewall']}, default: deny, sessions: 262144, "
                      "udp: 600 s, rules: [{allow: udp}]",
                "nat": f"plugin: {paths['nat']}, inside: 198.18.0.0/15, sessions: 262144, "
                       "pool: 203.0.113.1-203.0.113.200, subscribers: 131072, "
                       "udp-unreplied-timeout: 600 s"}
        text = test.chain(vnfs).replace("flows: 256", f"flows: {SESSIONS}")
        sluice = test.Sluice(folder, text, [1], 0)
        for _ in range(600):
            if sluice.get("/v1/status")["totals"]["rx"] > 4 * SESSIONS:
                break
            test.time.sleep(0.1)
        before = {name: sessions(sluice, name) for name in vnfs}
        assert before == dict.fromkeys(vnfs, SESSIONS), before
        gaps = Gaps()
        for i in range(count):
            name = ("firewall", "nat")[i % 2]
            os.unlink(paths[name])
            shutil.copy(f"{build}/plugins/{name}.so", paths[name])
            quoted = paths[name].replace("/", "%2F")
            gaps.measure(lambda q=quoted: sluice.ask("POST", f"/v1/plugins/{q}/reload", {}))
        after = {name: sessions(sluice, name) for name in vnfs}
        stats = sluice.stop()
    test.check_law(stats["totals"])
    row = gaps.row("reload", SESSIONS, stats)
    return {**row, "sessions_lost": sum(after[name] - before[name] for name in vnfs)}


def nothing(test, rows):
    """The same load, and for each case windows as many and as long as its changes took."""
    return [undisturbed(test, row) for row in rows]


def undisturbed(test, row):
    """By the function at the end of the chain, which notes when bursts come."""
    with tempfile.TemporaryDirectory() as folder:
        test.order.clear()
        text = several(test, f", flows: {row['flows']}")
        window = max(row["took_us"], 1000)
        sluice = test.Sluice(folder, text.replace("/sequence}", f"/sequence, window: {window} us}}"),
                             [1], 0)
        count, gaps = row["changes"] + WARM, []
        end = time.monotonic() + 60
        try:
            time.sleep(min(count * window / 1e6, 50))  # to ask is to disturb
            while len(gaps) < count and time.monotonic() < end:
                time.sleep(0.2)
                status, answer = sluice.ask("GET", "/v1/vnfs/end/gaps")
                if status == 200:  # else the worker had no core to answer on
                    gaps = answer["records"]
            sluice.stop()
        finally:
            sluice.process.kill()
    # In the first ones sessions begin.
    gaps = [gap["ns"] / 1000 for gap in gaps[WARM:WARM + row["changes"]]]
    assert gaps, "no window came to its end"
    return {"case": row["case"] + "-nothing", "system": "sluice", "flows": row["flows"], "bytes": 64,
            "windows": len(gaps), "window_us": window, "gap_us": percentiles(gaps)}


def run(build):
    test = load(build)
    rows = [applies(test, 500), rollbacks(test, 100), reloads(test, build, 100)]
    return rows + nothing(test, rows)

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""Runs the contenders in rounds, one after the other in each, and keeps every figure."""
import statistics
import time

import machine
from contenders import BIN, say

QUIET = 0.15   # cores used by anything else; above it a repetition counts as disturbed
STEADY = 1.35  # the cache-line round trip may differ by this factor: before a case from after it,
               # and a case from most others; beyond it the cores have moved (README.md)

# Tests of one process, for which the place of the two cores does not matter.
ALONE = ("lifecycle", "copy", "access", "value", "list", "segments", "array")


def alike(a, b):
    return max(a, b) <= STEADY * min(a, b)


class Rounds:
    """The repetitions of all rows. A row is a case of a contender; each round adds one to it."""

    def __init__(self, cores):
        self.cores = cores
        self.begin = time.monotonic()
        self.rows, self.skipped = {}, {}
        self.before = None  # the limit, measured last
        self.round = 0

    def say(self, *words):
        say(f"{time.monotonic() - self.begin:6.1f} s ", *words)

    def limit(self):
        """The cache-line round trip now, in ns."""
        command = [str(BIN / "limits"), "cacheline", "--reps", "1", "--ms", "5", "--cores",
                   self.cores]
        rows, noise, _ = machine.call(command, 30)
        row = next((r for r in rows if r.get("reps")), None)
        if row:
            self.before = statistics.median(row["reps"])
            self.add(row, "cache line", noise, row["limit_ns"], False)
        return self.before

    def add(self, row, name, noise, limit, is_curve):
        key = (is_curve, row["test"], row["contender"], row.get("case", ""), row.get("wait", "-"),
               row["size"], row["unit"])
        entry = self.rows.setdefault(key, {k: row.get(k, "") for k in (
            "contender", "lang", "test", "case", "wait", "size", "unit", "note")}
            | {"name": name, "is_curve": is_curve, "passes": []})
        entry["passes"].append({"round": self.round, "reps": row["reps"], "p99": row.get("p99", []),
                                "p999": row.get("p999", []), "other_load": round(noise, 3),
                                "limit_ns": limit})

    def one(self, contender, ms, sizes, is_curve, seconds):
        """Measures one contender once, and the limit before and after it."""
        before = self.before or self.limit()
        arguments = ["--reps", "1", "--ms", str(ms), "--cores", self.cores, "--sizes",
                     ",".join(map(str, sizes))]
        with machine.Daemon(contender.program.daemon) as usable:
            if not usable:
                self.skipped[contender.name] = f"{contender.program.daemon[0]} does not start"
                return
            rows, noise, error = machine.call(contender.command + arguments, seconds)
        after = self.limit()
        for row in rows:
            if "skip" in row:
                what = f"{row['contender']}, {row['test']}, {row['size']}"
                self.skipped[what] = row["skip"]
            elif row["reps"]:
                self.add(row, contender.name, noise, row.get("limit_ns") or [before, after],
                         is_curve)
        if error:
            self.skipped[contender.name] = error
        self.say(f"{contender.name:44} {len(rows):3} rows, others used {noise:.2f} cores, cache "
                 f"line {before:.0f} to {after:.0f} ns" + (f", {error}" if error else ""))

    # ---- good and bad repetitions --------------------------------------------------------------

    def reference(self):
        """The cache-line round trip that most cases saw."""
        seen = [statistics.mean(p["limit_ns"]) for e in self.rows.values() for p in e["passes"]
                if alike(*p["limit_ns"])]
        return statistics.median(seen) if seen else self.before

    def grade(self, entry, one_pass, reference):
        """0: good; 1: other programs ran; 2: the cores were placed otherwise, or moved."""
        before, after = one_pass["limit_ns"]
        if entry["test"] not in ALONE and (
                not alike(before, after) or not alike((before + after) / 2, reference)):
            return 2
        return 1 if one_pass["other_load"] > QUIET else 0

    def worst(self, name, reference, goal):
        """How far a contender's worst row is from `goal` good repetitions: (grade, missing)."""
        grades = [sorted(self.grade(e, p, reference) for p in e["passes"])
                  for e in self.rows.values() if e["name"] == name and not e["is_curve"]]
        return max(((g[:goal][-1], goal - sum(x == g[0] for x in g[:goal])) for g in grades),
                   default=(0, 0))

    # ---- rounds ---------------------------------------------------------------------------------

    def measure(self, todo, ms, count, until, is_curve=False, short=False):
        """So many rounds, then again what lacks good repetitions; until a moment of `time`."""
        took = {}

        def run_round(some):
            self.round += 1
            for contender in some:
                start = time.monotonic()
                if start + took.get(contender.name, 1) > until:
                    if contender.name not in took:
                        self.skipped[contender.name] = "no time left"
                    continue
                sizes = contender.sizes
                if is_curve:
                    sizes = [s for s in contender.curve if 8 * s <= machine.available_memory()]
                    if short:
                        sizes = sizes[:2 * len(sizes) // 3 + 1:2]
                self.one(contender, ms, sizes, is_curve, max(10, until - start + 20))
                took[contender.name] = time.monotonic() - start

        for _ in range(count):
            run_round(todo)
        while not is_curve and not short and time.monotonic() < until:
            reference = self.reference()
            lacking = {c.name for c in todo if self.worst(c.name, reference, count) > (0, 0)}
            groups = {c.group for c in todo if c.name in lacking}
            # Together with the limits of its group, to compare it with.
            some = [c for c in todo if c.name in lacking or (
                c.group in groups and c.program.path.suffix == ".c")]
            if not lacking or sum(took.get(c.name, 0) for c in some) > until - time.monotonic():
                break
            run_round(some)

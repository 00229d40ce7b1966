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
import results
from contenders import BIN, say

QUIET = 0.15   # cores used by anything else; above it a repetition counts as disturbed
STEADY = 1.35  # the cache-line round trip may differ by this factor: before a case from after it,
               # and a case from most others; beyond it the case is disturbed (README.md)
FAR = 200      # ns of the cache-line round trip; below it the cores are near, else they are far
ASLEEP = 0.9   # the part of the messages for which a receiver has to sleep, where it should
PAIRS = 3      # rounds in which a row and its limit should have seen the cores in one state
MOST_ROUNDS = 10  # rounds at most for what is lacking

# Tests of one process or on one core, for which the place of the two cores does not matter.
ALONE = ("lifecycle", "copy", "access", "value", "list", "lock", "publish", "idle", "segments",
         "array", "asleep, one core", "one core", "passing, one core")


def alike(a, b):
    return max(a, b) <= STEADY * min(a, b)


def state(test, limit, slept):
    """How the cores were placed during a case; empty if that does not matter."""
    if slept < ASLEEP:
        return "awake"
    if test in ALONE:
        return ""
    far = [ns >= FAR for ns in limit]
    return "far" if all(far) else "moved" if any(far) else "near"


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
                                "limit_ns": limit,
                                "state": state(row["test"], limit, row.get("slept", 1))})

    def one(self, contender, ms, sizes, is_curve, seconds):
        """Measures one contender once, and the limit before and after it."""
        before = self.before or self.limit()
        arguments = ["--reps", "1", "--ms", str(ms), "--cores", contender.cores(self.cores),
                     "--sizes", ",".join(map(str, sizes))]
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
        """0: good; 1: other programs ran; 2: the cores were placed otherwise, or moved, or the
        receiver was awake."""
        before, after = one_pass["limit_ns"]
        if one_pass["state"] in results.UNFIT:
            return 2
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

    def comparable(self, entry, limit):
        """How many rounds saw the cores in one state for a row and its limit."""
        theirs = {p["round"]: p for p in limit["passes"]}
        return sum(results.is_comparable(p, theirs[p["round"]]) for p in entry["passes"]
                   if p["round"] in theirs)

    def lacking(self, todo, goal, pairs):
        """The names of the contenders that need one more round, with the ones that they are
        compared with: too few good repetitions, or too few that can be compared."""
        names = {c.name for c in todo}
        reference, found = self.reference(), set()
        bad = {name for name in names if goal and self.worst(name, reference, goal) > (0, 0)}
        rows = [e for e in self.rows.values() if not e["is_curve"]]
        for row in rows:
            for limit in results.all_limits_of(row, rows):
                both = {row["name"], limit["name"]}
                if both & bad or self.comparable(row, limit) < pairs:
                    found |= both
        return (found | bad) & names

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
        for _ in range(0 if is_curve else MOST_ROUNDS):
            lacking = self.lacking(todo, 0, 1) if short else self.lacking(todo, count, PAIRS)
            some = [c for c in todo if c.name in lacking]
            if not some or sum(took.get(c.name, 0) for c in some) > until - time.monotonic():
                break
            run_round(some)

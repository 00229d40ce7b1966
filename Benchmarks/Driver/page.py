# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""The results as a page in Markdown."""
import re

from results import OF_ONE_SIZE, ns_per_op
from rounds import FAR

TITLES = [
    ("limit", "The limit of two cores"),
    ("lifecycle", "Creating and attaching"),
    ("copy", "Copies"),
    ("access", "Loops over shared memory"),
    ("value", "SharedValue in one process"),
    ("list", "ShareableList"),
    ("lock", "Locks"),
    ("contended", "Locks that several processes want"),
    ("wake", "Waking each other"),
    ("asleep", "Round trip to a receiver that sleeps"),
    ("asleep, one core", "Round trip to a receiver that sleeps, on one processor"),
    ("one core", "Round trip without pauses, on one processor"),
    ("passing", "A lock that is handed to a sleeper"),
    ("passing, one core", "A lock that is handed to a sleeper, on one processor"),
    ("idle", "Sleeping while nothing happens"),
    ("pingpong", "Round trip of a message"),
    ("handover", "Round trip of a message in a topic, by its size"),
    ("publish", "What it costs to publish"),
    ("publish to receivers", "What it costs to publish to subscribers that receive"),
    ("deliveries", "Messages that all subscribers of a topic receive"),
    ("stream", "Messages one way"),
    ("crowd", "Messages from several processes to several others"),
]
# Each case stands by itself.
BY_CASE = ("lifecycle", "list", "value", "contended", "publish to receivers", "deliveries", "crowd")
WAITS = {"spin": "both sides spin", "block": "both sides block"}


def time(ns):
    if ns is None:
        return ""
    for unit, scale in (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        if ns < 1000 * scale:
            break
    v = ns / scale
    return f"{v:.2f} {unit}" if v < 10 else f"{v:.1f} {unit}" if v < 100 else f"{v:.0f} {unit}"


def figure(row, value):
    if row["unit"] == "ns":
        return time(value)
    if row["unit"] == "GB/s":
        return f"{value:.1f} GB/s"
    if row["unit"] == "%":
        return f"{value:.3f} %"
    if row["unit"] == "1/s":
        return f"{value:.0f}/s"
    return f"{value / 1e6:.2f} M/s" if value >= 1e5 else f"{value / 1e3:.1f} k/s"


def size(n):
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= scale and n % scale == 0 and n // scale < 1024:
            return f"{n // scale} {unit}"
    return f"{n / 1e6:.0f} MB" if n >= 1e6 else f"{n} B" if n else ""


def ratio(x):
    if x is None:
        return "–"
    return f"{x:.3f}" if x < 0.1 else f"{x:.2f}" if x < 10 else f"{x:.1f}" if x < 100 else f"{x:.0f}"


def in_order(case):
    """Sorts the numbers in it by value."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.findall(r"\d+|\D+", case)]


def state(row):
    """How the cores were placed, and the cache-line round trip of the row's moments."""
    return f"{row['state']}, {row['line_ns']:.0f} ns" if row["state"] else ""


def name(row):
    return row["contender"] + (f": {row['case']}" if row["case"] else "")


def table(head, body):
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head),
            *(f"| {' | '.join(cells)} |" for cells in body), ""]


def one_test(rows):
    """A line for each row; the best first in each size."""
    has_sizes = any(r["size"] and r["test"] not in OF_ONE_SIZE for r in rows)
    has_states = any(r["state"] for r in rows)
    rows = sorted(rows, key=lambda r: (
        r["size"] if has_sizes else 0, in_order(r["case"] if r["test"] in BY_CASE else ""),
        r["unit"],
        ns_per_op(r, r["median"])))
    limits = {r["limit"] for r in rows if r["limit"]}
    head = (["size"] if has_sizes else []) + [
        "", "language", "median", "least", "greatest", "p99", "p99.9",
        *(["cache line"] if has_states else []),
        f"× {limits.pop()}" if len(limits) == 1 else "× limit"]
    body = [([size(r["size"])] if has_sizes else []) + [
        name(r) + (f" ({r['note']})" if r["note"] else ""), r["lang"], figure(r, r["median"]),
        figure(r, r["min"]), figure(r, r["max"]), time(r["p99_median"]), time(r["p999_median"]),
        *([state(r)] if has_states else []),
        ("not comparable" if r["limit"] and r["x_limit"] is None else ratio(r["x_limit"]))
        + r["mark"]] for r in rows]
    return table(head, body)


def page(info, rows, aims, notes, prefix):
    machine = info["machine"]
    main = [r for r in rows if not r["is_curve"]]
    out = ["# Results", "",
           f"Measured on {info['when']} by `scripts/benchmark{info['options']}`, in "
           f"{info['seconds']} s, at commit {machine['commit']}.", "",
           f"- Processor: {machine['processor']}, {machine['cores']} cores"
           + (" of a virtual machine" if machine["virtual"] else "") + f", {machine['memory']}",
           f"- Linux {machine['kernel']}; huge pages in `/dev/shm`: "
           f"`{machine['huge pages in /dev/shm']}`",
           f"- {machine['swift']}; Python {machine['python']}; "
           + ", ".join(f"{k} {v}" for k, v in machine["versions"].items()),
           f"- Cache-line round trip between the two cores: {info['limit_ns']:.0f} ns", "",
           "[Benchmarks](../README.md) describes what is measured and how. Compare figures only "
           "within this page: the ratio, in the last column of each table, is that of the times in "
           "the same rounds, so that less is better. Medians of "
           f"{min(r['repetitions'] for r in main)} to {max(r['repetitions'] for r in main)} "
           "repetitions. The column of the cache line has the round trip of one line at the moment "
           f"of the row; below {FAR} ns the cores are near, and else far. Rows of different states "
           "are not compared. `~`: other programs ran meanwhile. `!`: the cores moved, or were "
           "placed differently than for most cases, or a receiver that should sleep was awake.", "",
           f"![Round trips, and the aims]({prefix}.svg)", ""]
    if aims:
        out += ["## The aims", ""]
        out += table(["", "size", "compared with", "at most", "reached", "least to greatest", ""], [
            [a["aim"], size(a["size"]), a["limit"], ratio(a["most"]), ratio(a["ratio"]),
             f"{ratio(a['min'])} to {ratio(a['max'])}",
             a["verdict"] if a["verdict"] == "met" else f"**{a['verdict']}**"] for a in aims])
    out += notes
    for test, title in TITLES:
        chosen = [r for r in main if r["test"] == test]
        if test in ("pingpong", "stream", "wake"):
            # A contender that spins is not compared with one that sleeps.
            for wait, words in WAITS.items():
                if some := [r for r in chosen if r["wait"] == wait]:
                    out += [f"## {title}: {words}", "", *one_test(some)]
        elif chosen:
            out += [f"## {title}", "", *one_test(chosen)]
    if any(r["is_curve"] for r in rows):
        out += ["## As work grows", "",
                "Medians; the band is from the least to the greatest repetition. All figures are in "
                f"[{prefix}.json]({prefix}.json).", "", f"![Curves]({prefix}-curves.svg)", ""]
    if info["skipped"]:
        out += ["## Left out", "", *(f"- {k}: {v}" for k, v in info["skipped"].items()), ""]
    return "\n".join(out)

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""Medians, and each figure as a ratio to the limit that was measured in the same rounds."""
import statistics
from dataclasses import dataclass

# For each test, the contender to compare with: its row that has the same size, and the same case or one
# that the case begins with. Without an entry: the cache-line round trip of the same
# two processes.
LIMITS = {
    "copy": "memcpy",
    "wake": "futex",
    "lock": "pthread mutex",
    "lifecycle": "shm_open",
    "access": "unsafe pointer",
    "value": "unsafe pointer",
    "list": "multiprocessing ShareableList",
    "stream": "raw SPSC ring",
    "segments": "system calls",
    "array": "unsafe pointer",
    "publish": "",  # nothing: no other contender does the same
}

# An aim of the project: the times of a part are at most `most` times those of the limit.


@dataclass
class Aim:
    words: str
    contender: str
    test: str
    case: str
    sizes: list
    most: float
    limit_case: str = ""       # if it is another one than that of `case`
    limit_contender: str = ""  # if it is another one than that of the test
    limit_test: str = ""       # if it is another one than that of `test`


AIMS = [
    Aim("attach and close", "Interprocess SharedMemory", "lifecycle", "attach and close", [4096],
        1.5),
    Aim("create and unlink, with pages reserved and a lease", "Interprocess SharedMemory",
        "lifecycle", "create and unlink, pages reserved", [4096], 1.5,
        limit_case="create and unlink"),
    Aim("loop over the span of memory", "Interprocess SharedMemory", "access",
        "sum of doubles over its span", [32768, 80_000_000], 1.05),
    Aim("loop over the span of an array", "Interprocess SharedArray", "access",
        "sum of doubles over its span", [32768, 80_000_000], 1.05),
    Aim("write over the span of an array", "Interprocess SharedArray", "access",
        "write doubles over its span", [32768], 1.05),
    # The same bytes in the same program, as a copy of 1 KiB depends on where they lie.
    Aim("copy into an array", "Interprocess SharedArray", "copy", "private to shared",
        [1 << 10, 64 << 10, 1 << 20, 64 << 20], 1.05, limit_contender="unsafe pointer"),
    Aim("mutex that nobody else wants", "Interprocess SharedMutex", "lock", "lock+unlock, alone",
        [0], 1.0),
    Aim("queue, round trip", "Interprocess SharedQueue", "pingpong", "one and one", [8], 1.3,
        limit_case="ping-pong", limit_contender="cache line", limit_test="limit"),
    Aim("queue, one way", "Interprocess SharedQueue", "stream", "one and one", [8], 1 / 0.9),
    Aim("queue of many, one way", "Interprocess SharedQueue", "stream", "many and many", [8], 1.0,
        limit_contender="Boost message_queue"),
    Aim("queue of many, one way", "Interprocess SharedQueue", "stream", "many and many", [8], 1.0,
        limit_contender="ZeroMQ ipc"),
    Aim("topic, round trip", "Interprocess SharedTopic", "pingpong", "published and received", [8],
        2.0, limit_case="one and one", limit_contender="Interprocess SharedQueue"),
    Aim("topic, hand-over of 64 MiB", "Interprocess SharedTopic", "handover", "64 MiB", [0], 1.1,
        limit_case="8 bytes", limit_contender="Interprocess SharedTopic"),
    Aim("topic, publishing with 4 subscribed", "Interprocess SharedTopic", "publish",
        "with 4 subscribed", [8], 1.1, limit_case="with 1 subscribed",
        limit_contender="Interprocess SharedTopic"),
    Aim("wake of a sleeper", "Interprocess SharedEvent", "wake", "wait/wake round trip", [0], 1.2),
] + [
    Aim(f"ShareableList, {what}", "Interprocess ShareableList", "list", what, [0], 1 / 50)
    for what in ("get int", "get float", "get str", "set int", "set float", "set str")
]


def ns_per_op(row, value):
    if row["unit"] == "ns":
        return value
    if row["unit"] == "GB/s":
        return row["size"] / value
    return 1e9 / value


def by_round(row):
    """The time of an operation in each round that counts."""
    return {p["round"]: ns_per_op(row, statistics.median(p["reps"])) for p in row["used"]}


def ratios(row, limit):
    """The ratios of the rounds that both were in, or, if they share none, of the medians."""
    ours, theirs = by_round(row), by_round(limit)
    shared = ours.keys() & theirs.keys()
    if shared:
        return [ours[r] / theirs[r] for r in shared]
    return [statistics.median(ours.values()) / statistics.median(theirs.values())]


def limit_of(row, rows, case="", contender="", test=""):
    name = contender or LIMITS.get(row["test"])
    found = [r for r in rows if r["contender"] == name and r["test"] == (test or row["test"])
             and r["size"] == row["size"] and r["unit"] == row["unit"]
             and r["is_curve"] == row["is_curve"] and (
                 r["case"] == case if case else row["case"].startswith(r["case"]))]
    return max(found, key=lambda r: len(r["case"]), default=None)


def summarise(rounds, goal):
    """The rows with their medians, and the cache-line round trip."""
    reference = rounds.reference()
    out = []
    for entry in rounds.rows.values():
        graded = [(rounds.grade(entry, p, reference), p) for p in entry["passes"]]
        best = min(g for g, _ in graded)
        used = [p for g, p in graded if g == best]
        if best or len(used) < goal:  # if too few are good, the quietest of the others, too
            used = [p for _, p in sorted(graded, key=lambda gp: (gp[0], gp[1]["other_load"]))][:goal]
            best = max(rounds.grade(entry, p, reference) for p in used)
        reps = [r for p in used for r in p["reps"]]
        out.append(entry | {
            "used": used, "median": statistics.median(reps), "min": min(reps), "max": max(reps),
            "p99_median": median([r for p in used for r in p["p99"]]),
            "p999_median": median([r for p in used for r in p["p999"]]),
            "repetitions": len(reps), "mark": ["", "~", "!"][best]})
    for row in out:
        if row["test"] in LIMITS:
            limit = limit_of(row, out)
            found = ratios(row, limit) if limit else []
            row["limit"] = LIMITS[row["test"]] if limit else None
        else:
            found = [ns_per_op(row, r) / statistics.mean(p["limit_ns"])
                     for p in row["used"] for r in p["reps"]]
            row["limit"] = "cache line"
        row["x_limit"] = median(found)
        row["x_limit_range"] = [min(found), max(found)] if found else None
    return out, reference


def median(values):
    return statistics.median(values) if values else None


def aims(rows):
    """What is wanted, and what was reached."""
    out = []
    for aim in AIMS:
        for size in aim.sizes:
            row = next((r for r in rows if not r["is_curve"] and (
                r["contender"], r["test"], r["case"], r["size"]) == (
                    aim.contender, aim.test, aim.case, size)), None)
            limit = row and limit_of(
                row, rows, aim.limit_case, aim.limit_contender, aim.limit_test)
            if limit:
                found = ratios(row, limit)
                out.append({"aim": aim.words, "size": size, "most": aim.most,
                            "limit": limit["contender"], "ratio": statistics.median(found),
                            "min": min(found), "max": max(found)})
    return out

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

# For each test, the contender to compare with: its row that has the same size, and the same case or
# one that the case begins with. Without an entry: the cache-line round trip of the same two
# processes.
LIMITS = {
    "copy": "memcpy",
    "wake": "futex",
    "lock": "pthread mutex",
    "lifecycle": "shm_open",
    "access": "unsafe pointer",
    "value": "unsafe pointer",
    "list": "multiprocessing ShareableList",
    "stream": "C++ SPSC ring",
    "contended": "pthread mutex, robust",
    "asleep": "futex",
    "asleep, one core": "pipe",
    "one core": "pipe",
    "passing": "futex",
    "passing, one core": "futex",
    "crowd": "Boost message_queue",
    "segments": "system calls",
    "array": "unsafe pointer",
    "publish": "",  # nothing: no other contender does the same
    "publish to receivers": "",
    "deliveries": "",
    "idle": "",
}
CACHE_LINE = "cache line"
# States in which nothing is compared: the cores moved meanwhile, or the receiver did not sleep.
UNFIT = {"moved", "awake"}
# Compared whatever the payload is: none but a mark, or 8 bytes.
OF_ONE_SIZE = ("asleep", "asleep, one core", "one core")
# What people use, and sleeps; whatever sends messages to a sleeper has to be ahead of all of them.
SLEEPING = ("pipe", "Unix socket", "POSIX mq", "ZeroMQ ipc", "Boost message_queue",
            "multiprocessing.Pipe", "multiprocessing.Queue", "posix_ipc mq", "pyzmq ipc",
            "faster-fifo", "cloudtoid-interprocess")

# An aim of the project: the times of a part are at most `most` times those of the limit.


@dataclass
class Aim:
    words: str
    contender: str
    test: str
    case: str
    sizes: list
    most: float
    limit_case: str = ""  # if it is another one than that of `case`
    # If it is another one than that of the test; of several (a tuple) the fastest.
    limit_contender: object = ""
    limit_test: str = ""  # if it is another one than that of `test`
    limit_size: object = None  # if it is another one than that of `sizes`
    unit: str = ""  # if the case has figures of several units
    limit_value: float = 0  # a figure to compare with, instead of another contender


AIMS = [
    Aim("attach and close", "Interprocess SharedMemory", "lifecycle", "attach and close", [4096],
        1.5),
    Aim("create and unlink, with pages reserved and a lease", "Interprocess SharedMemory",
        "lifecycle", "create and unlink, pages reserved", [4096], 1.5,
        limit_case="create and unlink"),
    Aim("create and unlink of large memory, with pages reserved", "Interprocess SharedMemory",
        "lifecycle", "create and unlink, pages reserved", [64 << 20], 0.6,
        limit_case="create and unlink, pages reserved"),
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
        limit_contender=CACHE_LINE),
    Aim("queue, round trip", "Interprocess SharedQueue", "pingpong", "one and one", [1 << 10], 1.4,
        limit_contender="raw mailbox"),
    Aim("queue, one way", "Interprocess SharedQueue", "stream", "one and one", [8, 64, 1 << 10],
        1 / 0.9, limit_contender=("raw SPSC ring", "Interprocess SharedMemory")),
    Aim("queue of many, one way", "Interprocess SharedQueue", "stream", "many and many", [8], 1.0,
        limit_contender="Boost message_queue"),
    Aim("queue of many, one way", "Interprocess SharedQueue", "stream", "many and many", [8], 1.0,
        limit_contender="ZeroMQ ipc"),
] + [
    Aim(f"queue, {many} to {many}", "Interprocess SharedQueue", "crowd", f"{many} to {many}", [8],
        1.0, limit_contender=("Boost message_queue", "ZeroMQ ipc")) for many in (2, 4)
] + [
    Aim(f"{what}, round trip, {words}", contender, test, case, [8], most, limit_contender=limit)
    for what, contender, case in (
        ("queue", "Interprocess SharedQueue", "one and one"),
        ("topic", "Interprocess SharedTopic", "published and received"))
    for words, test, most, limit in (
        ("asleep", "asleep", 1.15, "futex"),
        ("asleep, before all others", "asleep", 1.0, SLEEPING),
        ("asleep, one processor", "asleep, one core", 1.3, "pipe"),
        ("one processor", "one core", 1.3, "pipe"))
] + [
    Aim("topic, round trip", "Interprocess SharedTopic", "pingpong", "published and received", [8],
        1.3, limit_case="one and one", limit_contender="Interprocess SharedQueue"),
    Aim("topic, publishing to 16 that receive", "Interprocess SharedTopic", "publish to receivers",
        "16 receiving", [8], 1.3, limit_case="1 receiving",
        limit_contender="Interprocess SharedTopic"),
] + [
    Aim(f"topic, hand-over of {much}", "Interprocess SharedTopic", "handover", much, [0], 1.5,
        limit_case="one and one", limit_contender="Interprocess SharedQueue", limit_test="pingpong",
        limit_size=8) for much in ("64 bytes", "64 MiB")
] + [
    Aim("topic, hand-over of 64 MiB to 64 bytes", "Interprocess SharedTopic", "handover", "64 MiB",
        [0], 1.1, limit_case="64 bytes", limit_contender="Interprocess SharedTopic"),
    Aim("topic, loaning and publishing", "Interprocess SharedTopic", "publish",
        "a loan, with 1 subscribed", [8], 1.2, limit_case="with 1 subscribed",
        limit_contender="Interprocess SharedTopic"),
    Aim("topic, publishing with 4 subscribed", "Interprocess SharedTopic", "publish",
        "with 4 subscribed", [8], 1.1, limit_case="with 1 subscribed",
        limit_contender="Interprocess SharedTopic"),
    Aim("wake of a sleeper", "Interprocess SharedEvent", "wake", "wait/wake round trip", [0], 1.2),
    Aim("2,000 tasks asleep at one queue", "Interprocess SharedQueue", "idle",
        "2,000 tasks asleep at one", [0], 1.0, unit="%", limit_value=0.5),
    Aim("2,000 tasks asleep at one queue each", "Interprocess SharedQueue", "idle",
        "2,000 tasks asleep at one each", [0], 1.0, unit="%", limit_value=0.5),
] + [
    Aim(f"ShareableList, {what}", "Interprocess ShareableList", "list", what, [0], 1 / 50)
    for what in ("get int", "get float", "get str", "set int", "set float", "set str")
]


def ns_per_op(row, value):
    """The time of an operation in ns; a figure of which less is better, too, if it is no time."""
    if row["unit"] in ("ns", "%", "1/s"):
        return value
    if row["unit"] == "GB/s":
        return row["size"] / value
    return 1e9 / value


def is_comparable(one, other):
    """Whether two measurements saw the cores in one state; none matters to a single process."""
    states = {one["state"], other["state"]} - {""}
    return len(states) < 2 and not states & UNFIT


def ratios(row, limit):
    """The ratios of the rounds that saw the cores in one state for both; of these, of the least
    disturbed ones. None if there is no such round."""
    theirs = {p["round"]: p for p in limit["passes"]}
    found = {}
    for ours in row["passes"]:
        other = theirs.get(ours["round"])
        if other and is_comparable(ours, other):
            found.setdefault(max(ours["grade"], other["grade"]), []).append(
                pass_time(row, ours) / pass_time(limit, other))
    return found[min(found)] if found else []


def line_ratios(row):
    """The ratios to the cache-line round trip of the moment."""
    return [ns_per_op(row, r) / statistics.mean(p["limit_ns"])
            for p in row["used"] if p["state"] not in UNFIT for r in p["reps"]]


def pass_time(row, one_pass):
    return ns_per_op(row, statistics.median(one_pass["reps"]))


def row_time(row):
    return statistics.median(pass_time(row, p) for p in row["passes"])


def limit_of(row, rows, case="", contender="", test="", size=None):
    """The row to compare with; of several contenders the fastest."""
    names = contender or LIMITS.get(row["test"])
    size = row["size"] if size is None else size
    alike = [r for r in rows if r["test"] == (test or row["test"]) and r["unit"] == row["unit"]
             and r["is_curve"] == row["is_curve"]
             and (r["size"] == size or row["test"] in OF_ONE_SIZE)]
    if isinstance(names, tuple):
        return min((r for r in alike if r["contender"] in names), key=row_time, default=None)
    found = [r for r in alike if r["contender"] == names and (
        r["case"] == case if case else row["case"].startswith(r["case"]))]
    return max(found, key=lambda r: len(r["case"]), default=None)


def all_limits_of(row, rows):
    """What a row is compared with: in the tables, and by the aims."""
    found = [limit_of(row, rows)] + [
        limit_of(row, rows, a.limit_case, a.limit_contender, a.limit_test, a.limit_size)
        for a in AIMS if (a.contender, a.test, a.case) == (row["contender"], row["test"], row["case"])
        and row["size"] in a.sizes]
    return [limit for limit in found if limit and limit is not row]


def usable(entry, goal):
    """The passes that count: the good ones; if these are too few, also the quietest of the others,
    but only of one state of the cores."""
    best = min(entry["passes"], key=lambda p: (p["grade"], p["other_load"]))
    passes = sorted((p for p in entry["passes"] if p["state"] == best["state"]),
                    key=lambda p: (p["grade"], p["other_load"]))
    good = [p for p in passes if not p["grade"]]
    return good if len(good) >= goal else passes[:goal]


def summarise(rounds, goal):
    """The rows with their medians, and the cache-line round trip."""
    reference = rounds.reference()
    out = []
    for entry in rounds.rows.values():
        for p in entry["passes"]:
            p["grade"] = rounds.grade(entry, p, reference)
        used = usable(entry, goal)
        reps = [r for p in used for r in p["reps"]]
        out.append(entry | {
            "used": used, "state": used[0]["state"],
            "line_ns": statistics.median(statistics.mean(p["limit_ns"]) for p in used),
            "median": statistics.median(reps), "min": min(reps), "max": max(reps),
            "p99_median": median([r for p in used for r in p["p99"]]),
            "p999_median": median([r for p in used for r in p["p999"]]),
            "repetitions": len(reps), "mark": ["", "~", "!"][max(p["grade"] for p in used)]})
    for row in out:
        if row["test"] in LIMITS:
            limit = limit_of(row, out)
            found = ratios(row, limit) if limit else []
            row["limit"] = LIMITS[row["test"]] if limit else None
        else:
            found = line_ratios(row)
            row["limit"] = CACHE_LINE
        row["x_limit"] = median(found)
        row["x_limit_range"] = [min(found), max(found)] if found else None
    return out, reference


def verdict(found, most):
    if not found:
        return "not comparable"
    return "met" if statistics.median(found) <= most else "not met"


def median(values):
    return statistics.median(values) if values else None


def aims(rows):
    """What is wanted, and what was reached."""
    out = []
    for aim in AIMS:
        for size in aim.sizes:
            row = next((r for r in rows if not r["is_curve"] and (
                r["contender"], r["test"], r["case"], r["size"]) == (
                    aim.contender, aim.test, aim.case, size)
                and aim.unit in ("", r["unit"])), None)
            if not row:
                continue
            if aim.limit_value:
                name = f"{aim.limit_value} {aim.unit}"
                found = [pass_time(row, p) / aim.limit_value for p in row["used"]]
            elif aim.limit_contender == CACHE_LINE:
                name, found = CACHE_LINE, line_ratios(row)
            else:
                limit = limit_of(row, rows, aim.limit_case, aim.limit_contender, aim.limit_test,
                                 aim.limit_size)
                if not limit:
                    continue
                name, found = limit["contender"], ratios(row, limit)
            out.append({"aim": aim.words, "size": size, "most": aim.most, "limit": name,
                        "ratio": median(found), "min": min(found, default=None),
                        "max": max(found, default=None), "verdict": verdict(found, aim.most)})
    return out

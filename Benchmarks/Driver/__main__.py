# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""Side-by-side benchmark; `scripts/benchmark` runs it. See Benchmarks/README.md."""
import argparse
import json
import os
import time

import chart
import contenders
import machine
import page
import results
import rounds
from contenders import say

RESULTS = contenders.BENCHMARKS / "Results"
# Of the JSON file. 2: passes have a state of the cores, and ratios are of passes of one state;
# sleeping receivers are tests of their own; the limit of streams is the ring in C++.
FORMAT = 2


def options():
    p = argparse.ArgumentParser(prog="scripts/benchmark", description=(
        "Measures this library and what people would use instead, side by side."))
    p.add_argument("--quick", action="store_true", help="at most two minutes, with looser figures")
    p.add_argument("--only", default="", metavar="NAME",
                   help="contenders whose name contains this, and the limits; several with commas")
    p.add_argument("--cores", default="0,1", help="the two cores (default 0,1)")
    p.add_argument("--list", action="store_true", help="list the contenders")
    p.add_argument("--prepare", action="store_true", help="only install and build")
    o = p.parse_args()
    if len(set(o.cores.split(","))) != 2:
        p.error("--cores needs two different cores")
    return o


def chosen(o):
    """The contenders that are wanted, with the limits that they are compared with."""
    everybody = contenders.discover()
    wanted = [w.strip().lower() for w in o.only.split(",") if w.strip()]
    if not wanted:
        return everybody
    named = [c for c in everybody if any(w in c.name.lower() for w in wanted)]
    groups = {c.group for c in named}
    limits = {limit.split(",")[0] for limit in results.LIMITS.values()}
    return [c for c in everybody if c in named or c.group == "limit" or (
        c.group in groups and c.base in limits)]


def main():
    o = options()
    todo = chosen(o)
    if o.list:
        return print("\n".join(f"{c.group:10} {c.name}" for c in todo))
    programs = list({id(c.program): c.program for c in todo}.values())
    contenders.WORK.mkdir(exist_ok=True)
    contenders.install(programs)
    contenders.build(programs)
    if o.prepare:
        return
    run = rounds.Rounds(o.cores)
    for c in todo:
        if c.program.missing:
            run.skipped[c.name] = c.program.missing
    todo = [c for c in todo if not c.program.missing]
    machine.adopt_orphans()

    begin = time.monotonic()
    measured = [c for c in todo if not c.curve_only and c.group != "limit"]
    run.measure(measured, ms=5 if o.quick else 40, count=5, short=o.quick,
                until=begin + (85 if o.quick else 600))
    growing = [c for c in todo if c.curve]
    if not os.environ.get("BENCHMARK_OWN_SHM"):
        for c in growing:
            if c.group == "segments":
                run.skipped[c.name] = "there is no way to have a /dev/shm of its own here"
        growing = [c for c in growing if c.group != "segments"]
    run.measure(growing, ms=3 if o.quick else 10, count=5, is_curve=True, short=o.quick,
                until=begin + (115 if o.quick else 840))

    rows, limit = results.summarise(run, 5)
    aims = results.aims(rows)
    prefix = "only" if o.only else "quick" if o.quick else "results"
    given = (" --quick" if o.quick else "") + (f" --only {o.only}" if o.only else "")
    info = {"format": FORMAT, "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "seconds": round(time.monotonic() - begin), "options": given, "cores": o.cores,
            "machine": machine.describe(programs), "limit_ns": limit, "aims": aims,
            "skipped": run.skipped}
    notes = contenders.BENCHMARKS / "notes.md"
    text = page.page(info, rows, aims, notes.read_text().splitlines() + [""], prefix)
    for row in rows:
        row["used"] = [p["round"] for p in row["used"]]
    RESULTS.mkdir(exist_ok=True)
    write(f"{prefix}.md", text)
    write(f"{prefix}.json", json.dumps(info | {"rows": rows}, separators=(",", ":")) + "\n")
    write(f"{prefix}.svg", chart.overview(rows, aims))
    if any(r["is_curve"] for r in rows):
        write(f"{prefix}-curves.svg", chart.curves(rows))
    for a in aims:
        say(f"{a['verdict']:7} {a['aim']}, {page.size(a['size'])}: {page.ratio(a['ratio'])}, "
            f"at most {page.ratio(a['most'])}")
    say(f"The results are in {os.path.relpath(RESULTS / prefix)}.md")


def write(name, text):
    (RESULTS / name).write_text(text)


if __name__ == "__main__":
    main()

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""Which measurements are compared. `python3 -m unittest discover Benchmarks/Driver` runs this."""
import unittest

import results
import rounds
from contenders import Contender

NEAR, FAR, MOVED = [80, 82], [400, 410], [80, 400]
OURS, LIMIT = "Interprocess SharedQueue", "futex"


def ours(ns, line, slept=1.0):
    return {"contender": OURS, "test": "asleep", "case": "one and one", "size": 8, "unit": "ns",
            "reps": [ns], "slept": slept}, line


def limit(ns, line, slept=1.0):
    return {"contender": LIMIT, "test": "asleep", "case": "", "size": 0, "unit": "ns",
            "reps": [ns], "slept": slept}, line


def measured(*many):
    run = rounds.Rounds("0,1")
    for some in many:
        run.round += 1
        for row, line in some:
            run.add(row, row["contender"], 0.0, line, False)
    run.before = 80
    return run


def summary(run):
    """Our row, and the first of its aims."""
    rows, _ = results.summarise(run, 5)
    return next(r for r in rows if r["contender"] == OURS), results.aims(rows)[0]


def lacking(run, pairs):
    todo = [Contender(name, None, "", "asleep", [8], [], False) for name in (OURS, LIMIT)]
    return run.lacking(todo, 0, pairs)


class Comparisons(unittest.TestCase):
    def test_rounds_of_one_state_are_compared(self):
        run = measured([ours(100, NEAR), limit(50, NEAR)], [ours(120, NEAR), limit(50, NEAR)])
        row, aim = summary(run)
        self.assertEqual((row["x_limit"], aim["ratio"], row["state"]), (2.2, 2.2, "near"))
        self.assertEqual(lacking(run, 2), set())
        self.assertEqual(lacking(run, 3), {OURS, LIMIT})

    def test_near_is_never_compared_with_far(self):
        run = measured([ours(100, NEAR), limit(500, FAR)], [ours(900, FAR), limit(50, NEAR)])
        row, aim = summary(run)
        self.assertIsNone(row["x_limit"])
        self.assertEqual((aim["ratio"], aim["verdict"]), (None, "not comparable"))
        self.assertEqual(lacking(run, 1), {OURS, LIMIT})

    def test_other_rounds_do_not_enter_a_ratio(self):
        run = measured([ours(100, NEAR), limit(500, FAR)], [ours(110, NEAR), limit(50, NEAR)])
        self.assertEqual(summary(run)[1]["ratio"], 2.2)
        self.assertEqual(lacking(run, 1), set())

    def test_a_median_is_of_one_state(self):
        run = measured(*([ours(ns, line), limit(50, NEAR)] for ns, line in (
            (100, NEAR), (900, FAR), (102, NEAR))))
        row, _ = summary(run)
        self.assertEqual((row["median"], row["max"], row["mark"]), (101, 102, ""))

    def test_nothing_is_compared_while_the_cores_move(self):
        row, aim = summary(measured([ours(100, MOVED), limit(50, MOVED)]))
        self.assertEqual((row["mark"], row["state"], aim["verdict"]), (
            "!", "moved", "not comparable"))

    def test_a_receiver_has_to_sleep(self):
        run = measured([ours(100, NEAR, slept=0.5), limit(50, NEAR)])
        row, aim = summary(run)
        self.assertEqual((row["mark"], row["state"], aim["verdict"]), (
            "!", "awake", "not comparable"))
        self.assertEqual(lacking(run, 1), {OURS, LIMIT})


if __name__ == "__main__":
    unittest.main()

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="multiprocessing ShareableList" group=list
"""CPython's ShareableList: single elements, read and written."""
import os
from multiprocessing import shared_memory

import harness as h

COUNT = 100  # this many in a row, as the clock and the loop cost something
os.sched_setaffinity(0, {h.CORES[0]})
elements = shared_memory.ShareableList([1, 2.5, "three", True, None])


def measure(what, operation):
    h.time_op(r := h.row("multiprocessing ShareableList", "list", "ns", case=what), operation, COUNT)
    h.emit(r)


def get(index):
    def operation():
        for _ in range(COUNT):
            elements[index]
    return operation


def put(index, values):
    def operation():
        for i in range(COUNT):
            elements[index] = values[i & 1]
    return operation


try:
    for index, kind in enumerate(("int", "float", "str")):
        measure(f"get {kind}", get(index))
    measure("set int", put(0, (7, 8)))
    measure("set float", put(1, (7.5, 8.5)))
    measure("set str", put(2, ("seven", "three")))
finally:
    elements.shm.close()
    elements.shm.unlink()

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="multiprocessing.Pipe" mode=pipe group=messages also=asleep
# contender: name="multiprocessing.Queue" mode=queue group=messages also=asleep
# contender: name="multiprocessing SharedMemory and numpy" mode=shm group=messages
# contender: name="multiprocessing SharedMemory" mode=lifecycle group=lifecycle
# sizes: 4K,64M
# pip: numpy==2.4.6
"""Python's own: multiprocessing.Pipe, multiprocessing.Queue, shared_memory with numpy."""
import multiprocessing as mp
import os
from multiprocessing import shared_memory

import harness as h


def pipe():
    def open_ends(size):
        a, b = mp.Pipe()
        return (lambda: (a.send_bytes, a.recv_bytes)), (lambda: (b.send_bytes, b.recv_bytes))
    h.bytes_tests("multiprocessing.Pipe", "block", open_ends, case="send_bytes")

    def open_pickling_ends(size):
        a, b = mp.Pipe()
        return (lambda: (a.send, a.recv)), (lambda: (b.send, b.recv))
    h.bytes_tests("multiprocessing.Pipe", "block", open_pickling_ends, case="send")


def queue():
    def open_ends(size):
        ask, answer = mp.Queue(), mp.Queue()
        # A Queue pickles in a thread of its own, so it needs objects that do not change later.
        return ((lambda: (lambda b: ask.put(bytes(b)), answer.get)),
                (lambda: (answer.put, ask.get)))
    h.bytes_tests("multiprocessing.Queue", "block", open_ends)


def shm():
    import numpy as np

    kept = []

    def make(size):
        seg = shared_memory.SharedMemory(create=True, size=4096 + 2 * size)
        flags = np.frombuffer(seg.buf, np.uint64, 512)
        ask_box = np.frombuffer(seg.buf, np.uint8, size, 4096)
        answer_box = np.frombuffer(seg.buf, np.uint8, size, 4096 + size)
        flags[:] = 0
        seg.unlink()

        def client():
            tx, rx = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
            number, got = tx[:8].view(np.uint64), rx[:8].view(np.uint64)

            def call(k):
                number[0] = k
                ask_box[:] = tx
                flags[0] = k
                while flags[64] != k:
                    pass
                rx[:] = answer_box
                return int(got[0])
            return call

        def server():
            buf, k = np.zeros(size, np.uint8), 0

            def serve():
                nonlocal k
                k += 1
                while flags[0] != k:
                    pass
                buf[:] = ask_box
                answer_box[:] = buf
                flags[64] = k
            return serve
        kept.append(seg)
        return client, server
    h.message_tests("multiprocessing SharedMemory and numpy", "spin", make,
                    note="plain stores as flags: right only where stores stay in order (x86)")
    os._exit(0)  # the arrays still point into the segments, whose finalizers would complain


def lifecycle():
    os.sched_setaffinity(0, {h.CORES[0]})
    for size in h.SIZES:
        def create():
            s = shared_memory.SharedMemory(create=True, size=size)
            s.buf[0] = 1
            s.close()
            s.unlink()
        r = h.row("multiprocessing SharedMemory", "lifecycle", "ns", size,
                  case="create and unlink")
        h.time_op(r, create)
        h.emit(r)
        kept = shared_memory.SharedMemory(create=True, size=size)
        kept.buf[0] = 1

        def attach():
            s = shared_memory.SharedMemory(kept.name)
            if s.buf[0] != 1:
                raise RuntimeError("wrong byte")
            s.close()
        r = h.row("multiprocessing SharedMemory", "lifecycle", "ns", size,
                  case="attach and close")
        h.time_op(r, attach)
        h.emit(r)
        kept.close()
        kept.unlink()


{"pipe": pipe, "queue": queue, "shm": shm, "lifecycle": lifecycle}[h.opts.mode]()

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="faster-fifo" group=messages also=asleep
# pip: faster-fifo==1.5.2
"""faster-fifo: a pickling queue in shared memory behind a process-shared mutex and condition."""
from queue import Empty, Full

import harness as h
from faster_fifo import Queue


def forever(method, *bound):
    # its blocking calls give up after a timeout; wait on like the others do
    def call(*args):
        while True:
            try:
                return method(*args)
            except (Empty, Full):
                pass
    return call


def open_ends(size):
    room = max(1_000_000, 4 * size)
    ask, answer = Queue(max_size_bytes=room), Queue(max_size_bytes=room)
    return ((lambda: (forever(ask.put), forever(answer.get))),
            (lambda: (forever(answer.put), forever(ask.get))))


h.bytes_tests("faster-fifo", "block", open_ends)


def make_batched(size):
    q = Queue(max_size_bytes=1_000_000)

    def producer():
        put = forever(q.put_many)
        buf = bytearray(size)

        def produce(first, n):
            for start in range(first, first + n, 64):
                batch = []
                for k in range(start, min(start + 64, first + n)):
                    h.mark(buf, k)
                    batch.append(bytes(buf))
                put(batch)
        return produce

    def consumer():
        get = forever(q.get_many)
        held = []

        def consume(first, n):
            wrong, k, end = 0, first, first + n
            while k < end:
                if not held:
                    held.extend(get())
                    held.reverse()
                wrong += h.read_mark(held.pop()) != k
                k += 1
            return wrong
        return consume
    return producer, consumer


for size in h.STREAM_SIZES:
    h.stream(h.row("faster-fifo", "stream", "msg/s", size, "block", "64 a time, get_many"),
             *make_batched(size))

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""Measuring harness shared by every Python contender: bench.h in Python.

Both sides are forked children pinned to different cores. Results are JSON lines on stdout;
Benchmarks/README.md describes the format.
"""
import argparse
import ctypes
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time

now = time.perf_counter_ns

_args = argparse.ArgumentParser()
_args.add_argument("mode", nargs="?", default="")
_args.add_argument("--reps", type=int, default=5)
_args.add_argument("--ms", type=int, default=100)
_args.add_argument("--cores", default="0,1")
_args.add_argument("--sizes", default="8,1024,65536,1048576")
_args.add_argument("--asleep", action="store_true")
opts = _args.parse_args()
SIZES = [int(s) for s in opts.sizes.split(",")]
STREAM_SIZES = [8, 64, 1024, 4096]
CORES = [int(c) for c in opts.cores.split(",")]
ONE_CORE = len(set(CORES)) == 1
PAUSE, LOOK_EVERY = 0.0005, 8  # as bench.h has them
_pack = struct.Struct("<Q")
endings = []  # functions a side wants called when it is done, to leave nothing behind


def mark(buf, value):
    _pack.pack_into(buf, 0, value)


def read_mark(buf):
    return _pack.unpack_from(buf, 0)[0]


_library = os.environ.get("BENCH_LINE")  # line.c; without it the limit is not measured here
_line = ctypes.CDLL(_library) if _library else None
if _line:
    _line.line_lead.restype = ctypes.c_double
    _line.line_lead.argtypes = _line.line_follow.argtypes = [ctypes.c_void_p]


class Shared:
    """A few 64-bit words in memory that both sides see, each on its own cache line."""

    def __init__(self, words):
        self._map = mmap.mmap(-1, max(4096, words * 64))
        self._words = memoryview(self._map).cast("Q")

    def lead(self, i, result):
        """Measures the cache-line round trip on word i, which the other side must follow()."""
        if _line and not ONE_CORE:
            result.setdefault("limit_ns", []).append(_line.line_lead(self._address(i)))

    def follow(self, i):
        if _line and not ONE_CORE:
            _line.line_follow(self._address(i))

    def _address(self, i):
        return ctypes.addressof(ctypes.c_char.from_buffer(self._map)) + i * 64

    def __getitem__(self, i):
        return self._words[i * 8]

    def __setitem__(self, i, value):
        self._words[i * 8] = value


def emit(row):
    print(json.dumps(row), flush=True)


def skip(contender, test, size, why):
    emit({"contender": contender, "test": test, "size": size, "skip": why})


def row(contender, test, unit, size=0, wait="-", case="", note=""):
    return {"contender": contender, "lang": "Python", "test": test, "case": case, "wait": wait,
            "unit": unit, "size": size, "note": note, "reps": [], "p99": [], "p999": []}


def pair(a, b):
    """Runs a() on the first core and b() on the second. True when both ended well."""
    sys.stdout.flush()
    pids = []
    for core, side in zip(CORES, (a, b)):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.sched_setaffinity(0, {core})
                side()
                for end in endings:
                    end()
                code = 0
            except BaseException as e:  # a child never returns into the parent's code
                print(f"{type(e).__name__}: {e}", file=sys.stderr)
            sys.stdout.flush()
            os._exit(code)
        pids.append(pid)

    def stop(*_):
        for p in pids:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(30 + opts.reps * opts.ms * 4 // 1000)
    good = True
    while pids:
        p, status = os.wait()
        if p in pids:
            pids.remove(p)
            if status:
                good = False
                stop()
    signal.alarm(0)
    return good


def time_op(result, op, count=1):
    """p50 of each repetition, p99 and p99.9, from singly timed calls; a call is `count` operations."""
    ns = opts.ms * 1_000_000
    for rep in range(-1, opts.reps):
        samples = []
        add = samples.append
        begin = last = now()
        end = begin + (ns if rep >= 0 else ns // 4)
        while last < end:
            op()
            t = now()
            add(t - last)
            last = t
        if rep >= 0:
            samples.sort()
            result["reps"].append(samples[len(samples) // 2] / count)
            if count == 1:
                result["p99"].append(samples[len(samples) * 99 // 100])
                if len(samples) >= 1000:
                    result["p999"].append(samples[len(samples) * 999 // 1000])


def sleeps():
    """How often this thread gave its processor away because it had to wait."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def time_asleep(result, op):
    """As time_op, with a pause before each call, which is not counted, so that the other side goes to
    sleep."""
    count = max(20, int(opts.ms / 1000 / PAUSE))
    for rep in range(-1, opts.reps):
        samples = []
        for _ in range(count):
            time.sleep(PAUSE)
            begin = now()
            op()
            samples.append(now() - begin)
        if rep >= 0:
            samples.sort()
            result["reps"].append(samples[count // 2])
            result["p99"].append(samples[count * 99 // 100])


def pingpong(result, client, server):
    """client() and server() run in their own process and set up their end; client() returns
    call(number) -> the number found in the reply, server() returns serve(), which receives one
    message and sends it back."""
    if opts.asleep and result["wait"] == "spin":
        return
    ctl = Shared(6)  # ready, last call, line before, line after, looks, sleeps
    more = dict(result, test="one core", reps=[], p99=[], p999=[])
    if opts.asleep:
        result["test"] = "asleep, one core" if ONE_CORE else "asleep"

    def run_client():
        call = client()
        while not ctl[0]:
            time.sleep(0.0005)
        calls = 0

        def op():
            nonlocal calls
            calls += 1
            if call(calls) != calls:
                raise RuntimeError("wrong reply")

        ctl.lead(2, result)
        if opts.asleep:
            time_asleep(result, op)
            result["slept"] = round(ctl[5] / ctl[4], 3)
            if ONE_CORE:
                time_op(more, op)
        else:
            time_op(result, op)
        ctl[1] = calls + 1
        op()
        ctl.lead(3, result)
        emit(result)
        if more["reps"]:
            emit(more)

    def run_server():
        serve = server()
        ctl[0] = 1
        ctl.follow(2)
        served = 0
        while not served or served != ctl[1]:
            looking = opts.asleep and served % LOOK_EVERY == 0
            before = sleeps() if looking else 0
            serve()
            if looking:
                ctl[5] += sleeps() != before
                ctl[4] += 1
            served += 1
        ctl.follow(3)
        time.sleep(0.02)  # libraries with a sending thread: let the last reply leave

    if not pair(run_client, run_server):
        skip(result["contender"], result["test"], result["size"], "failed or timed out")


def stream(result, producer, consumer):
    """producer() returns produce(first, n), consumer() returns consume(first, n) -> wrong."""
    if opts.asleep:
        return
    ctl = Shared(6)  # ready, round, n, t0, line before, line after
    want = opts.ms * 1_000_000

    def run_tx():
        produce = producer()
        ctl[0] = 1
        ctl.follow(4)
        round_, first = 1, 0
        while True:
            while ctl[1] < round_:
                pass
            n = ctl[2]
            if not n:
                break
            ctl[3] = now()
            produce(first, n)
            first += n
            round_ += 1
        ctl.follow(5)

    def run_rx():
        consume = consumer()
        while not ctl[0]:
            time.sleep(0.0005)
        ctl.lead(4, result)
        n, first, round_, warm = 64, 0, 1, False
        while len(result["reps"]) < opts.reps:
            ctl[2] = n
            ctl[1] = round_
            wrong = consume(first, n)
            ns = now() - ctl[3]
            if wrong:
                raise RuntimeError(f"{wrong} messages lost or out of order")
            first += n
            if ns >= want / 2 or round_ > 1000:
                if warm:
                    result["reps"].append(n * 1e9 / ns)
                warm = round_ > 1
            else:
                n = n * 4 if ns * 8 < want else int(n * want / ns) + 1
            round_ += 1
        ctl[2] = 0
        ctl[1] = round_
        ctl.lead(5, result)
        emit(result)

    if not pair(run_tx, run_rx):
        skip(result["contender"], result["test"], result["size"], "failed or timed out")


def message_tests(contender, wait, make_pingpong, make_stream=None, note="", sizes=None, case=""):
    """The usual round trips and streams. make_pingpong(size) -> (client, server) and
    make_stream(size) -> (producer, consumer); see pingpong() and stream()."""
    for size in sizes or SIZES:
        client, server = make_pingpong(size)
        pingpong(row(contender, "pingpong", "ns", size, wait, case, note), client, server)
    for size in STREAM_SIZES if make_stream else []:
        producer, consumer = make_stream(size)
        stream(row(contender, "stream", "msg/s", size, wait, case, note), producer, consumer)


def bytes_tests(contender, wait, open_ends, note="", sizes=None, streams=True, case=""):
    """For channels that send and receive bytes-like objects. open_ends(size) returns
    (client_end, server_end): functions that, called in their process, give (send, receive)."""

    def make_pingpong(size):
        client_end, server_end = open_ends(size)

        def client():
            send, receive = client_end()
            buf = bytearray(size)

            def call(k):
                mark(buf, k)
                send(buf)
                return read_mark(receive())
            return call

        def server():
            send, receive = server_end()
            return lambda: send(receive())
        return client, server

    def make_stream(size):
        client_end, server_end = open_ends(size)

        def producer():
            send, _ = client_end()
            buf = bytearray(size)

            def produce(first, n):
                for k in range(first, first + n):
                    mark(buf, k)
                    send(buf)
            return produce

        def consumer():
            _, receive = server_end()

            def consume(first, n):
                wrong = 0
                for k in range(first, first + n):
                    wrong += read_mark(receive()) != k
                return wrong
            return consume
        return producer, consumer

    message_tests(contender, wait, make_pingpong, make_stream if streams else None, note, sizes, case)

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="iceoryx2" group=messages
# pip: iceoryx2==0.10.0
"""iceoryx2 publish/subscribe from Python, busy polling. Python's own cost dominates: the wheel
holds the Rust core as a Python module only, with no C functions that ctypes could call."""
import ctypes
import os
import time

import harness as h
import iceoryx2 as iox2

iox2.set_log_level(iox2.LogLevel.Error)
number = 0
Bytes = iox2.Slice[ctypes.c_uint8]
NOTE = "time spent in Python dominates"


def port_pair(name, out_tag, in_tag, size, lossless):
    node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)

    def service(tag):
        b = node.service_builder(iox2.ServiceName.new(name + tag)).publish_subscribe(Bytes)
        if lossless:
            b = b.enable_safe_overflow(False).subscriber_max_buffer_size(256)
        return b.open_or_create()
    out = inn = None
    keep = [node]
    if out_tag:
        s = service(out_tag)
        f = s.publisher_builder().initial_max_slice_len(size)
        if lossless:
            f = f.backpressure_strategy(iox2.BackpressureStrategy.RetryUntilDelivered)
        out = f.create()
        keep.append(s)
    if in_tag:
        s = service(in_tag)
        inn = s.subscriber_builder().create()
        keep.append(s)
    h.endings.append(lambda: (out and out.delete(), inn and inn.delete(), keep.clear()))
    return out, inn


def ends(out, inn, size, copied):
    buf = bytearray(size)
    src = (ctypes.c_char * size).from_buffer(buf)
    here = ctypes.addressof(src)
    touched = size if copied else 8
    memmove = ctypes.memmove

    def send(k):
        h.mark(buf, k)
        sample = out.loan_slice_uninit(size)
        memmove(sample.payload_ptr, here, touched)
        sample.assume_init().send()

    def receive():
        while True:
            sample = inn.receive()
            if sample is not None:
                memmove(here, sample.payload_ptr, touched)
                sample.delete()
                return h.read_mark(buf)
    return send, receive


def fresh():
    global number
    number += 1
    return f"benchmark/{os.getpid()}/{number}/"


def make_pingpong(size, copied):
    name = fresh()
    up = h.Shared(2)

    def meet(me):
        up[me] = 1
        while not up[1 - me]:
            time.sleep(0.001)

    def client():
        out, inn = port_pair(name, "ask", "answer", size, False)
        meet(0)
        send, receive = ends(out, inn, size, copied)

        def call(k):
            send(k)
            return receive()
        return call

    def server():
        out, inn = port_pair(name, "answer", "ask", size, False)
        meet(1)
        send, receive = ends(out, inn, size, copied)
        return lambda: send(receive())
    return client, server


def make_stream(size):
    name = fresh()
    up = h.Shared(1)

    def producer():
        while not up[0]:
            time.sleep(0.001)
        out, _ = port_pair(name, "flow", None, size, True)
        send, _ = ends(out, None, size, True)

        def produce(first, n):
            for k in range(first, first + n):
                send(k)
        return produce

    def consumer():
        _, inn = port_pair(name, None, "flow", size, True)
        up[0] = 1
        _, receive = ends(None, inn, size, True)

        def consume(first, n):
            wrong = 0
            for k in range(first, first + n):
                wrong += receive() != k
            return wrong
        return consume
    return producer, consumer


h.message_tests("iceoryx2", "spin", lambda size: make_pingpong(size, True), make_stream,
                case="copied", note=NOTE)
h.message_tests("iceoryx2", "spin", lambda size: make_pingpong(size, False),
                case="zero-copy, 8 bytes touched", note=NOTE)

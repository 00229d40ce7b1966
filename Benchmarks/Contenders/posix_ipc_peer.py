# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="posix_ipc mq" group=messages also=asleep
# pip: posix_ipc==1.3.2
"""posix_ipc: POSIX message queues from Python."""
import os

import harness as h
import posix_ipc

number = 0


def queue(size):
    global number
    number += 1
    name = f"/benchmark-{os.getpid()}-{number}"
    q = posix_ipc.MessageQueue(name, posix_ipc.O_CREX, max_messages=10, max_message_size=size)
    q.unlink()
    return q


def open_ends(size):
    ask, answer = queue(size), queue(size)
    return ((lambda: (lambda b: ask.send(bytes(b)), lambda: answer.receive()[0])),
            (lambda: (answer.send, lambda: ask.receive()[0])))


possible = []
for size in h.SIZES:
    try:
        queue(size).close()
        possible.append(size)
    except (ValueError, OSError, posix_ipc.Error):
        h.skip("posix_ipc mq", "pingpong", size,
               "mq_open refused the size (over 8 KiB needs CAP_SYS_RESOURCE)")
h.bytes_tests("posix_ipc mq", "block", open_ends, sizes=possible)

# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="cloudtoid-interprocess" group=messages also=asleep
# pip: cloudtoid-interprocess==3.0.2
"""cloudtoid-interprocess: shared-memory byte queues, native code behind Python calls."""
import os

import harness as h
from cloudtoid_interprocess import Publisher, Subscriber

number = 0


def open_ends(size, spin):
    global number
    number += 1
    name, room = f"benchmark-{os.getpid()}-{number}", max(1 << 20, 4 * size + 4096)

    def end(out_tag, in_tag):
        def open_end():
            out = Publisher(name + out_tag, room)
            inn = Subscriber(name + in_tag, room)
            h.endings.extend([out.close, inn.close])
            try_send, try_receive, wait = out.try_send, inn.try_receive, inn.receive

            def send(b):
                while not try_send(b):
                    pass

            def poll():
                while True:
                    b = try_receive()
                    if b is not None:
                        return b

            def block():
                while True:
                    b = wait(10.0)
                    if b is not None:
                        return b
            return send, (poll if spin else block)
        return open_end
    return end("a", "b"), end("b", "a")


h.bytes_tests("cloudtoid-interprocess", "spin", lambda size: open_ends(size, True))
h.bytes_tests("cloudtoid-interprocess", "block", lambda size: open_ends(size, False))

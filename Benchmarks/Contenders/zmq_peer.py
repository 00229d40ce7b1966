# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

# contender: name="pyzmq ipc" group=messages also=asleep
# pip: pyzmq==27.3.0
"""pyzmq: PAIR sockets over ipc://."""
import os

import harness as h
import zmq

number = 0


def open_ends(size):
    global number
    number += 1
    url = f"ipc://@benchmark-{os.getpid()}-{number}"

    def end(server):
        def open_end():
            socket = zmq.Context().socket(zmq.PAIR)
            (socket.bind if server else socket.connect)(url)
            open_end.keep = socket
            return socket.send, socket.recv
        return open_end
    return end(False), end(True)


h.bytes_tests("pyzmq ipc", "block", open_ends)

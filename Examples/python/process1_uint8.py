#!/usr/bin/env python3
# This source file is part of the swift-interprocess open source project
# SPDX-License-Identifier: Apache-2.0

"""Bytes, first program of two: creates the memory, writes the first byte, waits for more.

    one terminal:   python3 Examples/python/process1_uint8.py
    another one:    python3 Examples/python/process2_uint8.py    or    swift run process2_uint8
"""

import argparse
import signal
import sys
import time
from multiprocessing.shared_memory import SharedMemory


def seconds(text):
    value = float(text)
    if not value >= 0:
        raise ValueError
    return value


def main():
    parser = argparse.ArgumentParser(description="Creates shared memory, writes one byte.")
    parser.add_argument("--name", default="MyMemory", help="the name of the shared memory")
    parser.add_argument(
        "--wait", type=seconds, default=10.0,
        help="how many seconds to wait for the other program (default: %(default)s)")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)

    # Ctrl-C only ends the wait, so that the memory is removed.
    interruptions = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: interruptions.append(number))

    try:
        shm = SharedMemory(args.name, create=True, size=1024)
    except FileExistsError:
        sys.exit(
            f'Error: Shared memory "{args.name}" exists already. '
            "Attach to it, or remove it first if nobody uses it.")
    print(f'Created "{args.name}" with {shm.size} bytes')

    shm.buf[0] = 1
    print("Wrote 1 at offset 0")

    # The three bytes may come in any order, so it takes all of them to be sure.
    print("Waiting for process2_uint8")
    deadline = time.monotonic() + args.wait
    while (shm.buf[1], shm.buf[2], shm.buf[3]) != (2, 3, 4):
        if time.monotonic() >= deadline or interruptions:
            break
        time.sleep(0.001)
    print("The first four values:", shm.buf[0], shm.buf[1], shm.buf[2], shm.buf[3])

    shm.close()
    print(f'Closed "{args.name}"')
    shm.unlink()
    print(f'Removed "{args.name}"')

    if interruptions:
        sys.exit(128 + interruptions[0])


if __name__ == "__main__":
    main()

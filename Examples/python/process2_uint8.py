#!/usr/bin/env python3
# This source file is part of the swift-interprocess open source project
# SPDX-License-Identifier: Apache-2.0

"""Bytes, second program of two: attaches to the memory and writes the second to fourth byte.

    one terminal:   python3 Examples/python/process1_uint8.py    or    swift run process1_uint8
    another one:    python3 Examples/python/process2_uint8.py
"""

import argparse
import sys
import time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory


def attach(name):
    # By default, Python removes the name when this program ends, though it only attached.
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    shm = SharedMemory(name)
    resource_tracker.unregister(shm._name, "shared_memory")
    return shm


def main():
    parser = argparse.ArgumentParser(description="Attaches to shared memory, writes three bytes.")
    parser.add_argument("--name", default="MyMemory", help="the name of the shared memory")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)

    try:
        shm = attach(args.name)
    except FileNotFoundError:
        sys.exit(f'Error: No shared memory named "{args.name}". Start process1_uint8 first.')
    except ValueError:
        # A program in Python gives the memory its name a moment before its size.
        sys.exit(f'Error: Shared memory "{args.name}" is still empty. Try again.')
    # Another program may have created memory of another size.
    if shm.size < 1024:
        sys.exit(f'Error: Shared memory "{args.name}" has {shm.size} bytes, not 1024.')
    print(f'Attached to "{args.name}" with {shm.size} bytes')

    shm.buf[1] = 2
    shm.buf[2] = 3
    shm.buf[3] = 4
    print("Wrote 2 3 4 at offsets 1 2 3")

    # Memory can be attached to a moment before its creator has written the first byte.
    deadline = time.monotonic() + 10
    while shm.buf[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.001)
    print("The first four values:", shm.buf[0], shm.buf[1], shm.buf[2], shm.buf[3])

    shm.close()
    print(f'Closed "{args.name}"')


if __name__ == "__main__":
    main()

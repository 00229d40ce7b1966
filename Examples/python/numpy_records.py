#!/usr/bin/env python3
# This source file is part of the swift-interprocess open source project
# SPDX-License-Identifier: Apache-2.0

"""Shows structures that Swift has created, field by field, and moves them. Needs numpy.

    one terminal:   swift run numpy_records
    another one:    python3 Examples/python/numpy_records.py
"""

import argparse
import sys

import numpy


def main():
    parser = argparse.ArgumentParser(description="Shows and moves particles that Swift has created.")
    parser.add_argument("--name", default="MyParticles", help="the name of the array")
    args = parser.parse_args()

    try:
        particles = numpy.load(f"/dev/shm/{args.name}", mmap_mode="r+")
    except FileNotFoundError:
        sys.exit(f'Error: No shared memory named "{args.name}". Start numpy_records first.')
    print(f'Opened "{args.name}" with {len(particles)} particles of {particles.dtype.itemsize} bytes')
    print("Fields:", *particles.dtype.names)
    print(f"Total mass: {particles['mass'].sum()}")

    particles["position"] += [10, 20]
    particles["mass"] *= 2
    # Swift waits for this, which is written last.
    particles["moved"] = 1
    print("Moved them by 10 and 20, and doubled their mass")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# This source file is part of the swift-interprocess open source project
# SPDX-License-Identifier: Apache-2.0

"""Shows the statistics of an image that Swift has created, and changes it. Needs numpy.

    one terminal:   swift run numpy_image
    another one:    python3 Examples/python/numpy_image.py
"""

import argparse
import sys
import time

import numpy


def main():
    parser = argparse.ArgumentParser(description="Shows and changes an image that Swift has created.")
    parser.add_argument("--name", default="MyImage", help="the name of the array")
    args = parser.parse_args()

    try:
        image = numpy.load(f"/dev/shm/{args.name}", mmap_mode="r+")
    except FileNotFoundError:
        sys.exit(f'Error: No shared memory named "{args.name}". Start numpy_image first.')
    print(f'Opened "{args.name}" with {" x ".join(map(str, image.shape))} {image.dtype}')

    # An array can be opened a moment before its creator has written the last pixel.
    deadline = time.monotonic() + 10
    while image[-1, -1] == 0 and time.monotonic() < deadline:
        time.sleep(0.001)
    print(f"The image: min {image.min()}, mean {image.mean()}, max {image.max()}")

    # Swift waits for the last pixel, which numpy writes last.
    image *= 2
    print(f"Doubled it: min {image.min()}, mean {image.mean()}, max {image.max()}")


if __name__ == "__main__":
    main()

//===----------------------------------------------------------------------===//
//
// This source file is part of the swift-interprocess open source project
//
// Copyright (c) 2026 the swift-interprocess authors
// Licensed under Apache License v2.0
//
// See LICENSE for license information
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//

// An image that numpy opens: Swift makes and fills it, Python changes it, and Swift sees it.
//
//   one terminal:   swift run numpy_image
//   another one:    python3 Examples/python/numpy_image.py

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

@main
struct Image: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "numpy_image",
    abstract: "Creates an image that numpy opens, and waits for changes.")

  @Option(help: "The name of the array.") var name = "MyImage"
  @OptionGroup var waiting: WaitOption

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()

    var image = try SharedArray<Double>.create(name, shape: [480, 640])
    print("Created \"\(name)\" with 480 x 640 float64")

    // Each pixel is the sum of its row and its column. Each side recognises by the last pixel that
    // the other one is done.
    for row in 0..<480 {
      for column in 0..<640 { image[row, column] = Double(row + column) }
    }
    print("Filled it: \(Statistics(image))")

    print("Waiting for numpy_image.py")
    let deadline = waiting.deadline
    while image[479, 639] == 1118, .now < deadline, interruption.signal == nil { usleep(1_000) }
    print("The image now: \(Statistics(image))")

    try image.unlink()
    print("Removed \"\(name)\"")

    if let signal = interruption.signal { throw ExitCode(128 + signal) }
  }
}

/// The least, the mean and the greatest of all pixels.
struct Statistics: CustomStringConvertible {
  var least = Double.infinity
  var greatest = -Double.infinity
  var mean = 0.0

  init(_ image: borrowing SharedArray<Double>) {
    let pixels = image.span
    for index in pixels.indices {
      least = min(least, pixels[index])
      greatest = max(greatest, pixels[index])
      mean += pixels[index]
    }
    mean /= Double(pixels.count)
  }

  var description: String { "min \(least), mean \(mean), max \(greatest)" }
}

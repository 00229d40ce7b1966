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

// A camera publishes frames of 1920 x 1080 pixels in a topic, and two viewers read them in place.
// One viewer is slow: it misses frames, and holds up neither the camera nor the other viewer.
//
//   swift run camera --frames 60

import ArgumentParser
import ExampleSupport
import Glibc
import Interprocess

struct Pixel: Shareable, Equatable {
  var red, green, blue: UInt8

  /// The colour of all pixels of a frame.
  init(ofFrame number: UInt64) {
    (red, green, blue) = (UInt8(truncatingIfNeeded: number), 128, 255)
  }
}

@main
struct Camera: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "camera",
    abstract: "Publishes frames to two viewers, one of which is slow.",
    usage: "camera [--name <name>] [--frames <n>] [--interval <ms>] [--pause <ms>]",
    subcommands: [Viewer.self])

  static let (width, height) = (1920, 1080)

  @Option(help: "The name of the shared topic.") var name = "MyCamera"
  @Option(help: "The number of frames.") var frames: UInt64 = 60
  @Option(help: "The milliseconds between two frames.") var interval = 16
  @Option(help: "The milliseconds that the slow viewer takes for a frame.") var pause = 200

  func validate() throws {
    guard 1...1_000_000 ~= frames else { throw ValidationError("'--frames' needs 1 to 1000000.") }
    guard 0...1000 ~= interval else { throw ValidationError("'--interval' needs 0 to 1000.") }
    guard 0...10_000 ~= pause else { throw ValidationError("'--pause' needs 0 to 10000.") }
  }

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()
    let pixelCount = Self.width * Self.height
    let topic = try SharedTopic<Pixel>.create(
      name, maximumElementCount: pixelCount, historyCount: 3, maximumSubscriberCount: 2,
      maximumSampleCount: 1, options: .whileAttached)
    let slotCount = topic.statistics.slotCount
    print("Created \"\(name)\" for \(slotCount) frames of \(Self.width) x \(Self.height) pixels")

    let viewers = try [("fast", 0), ("slow", pause)].map { speed, pause in
      try ChildProcess(["camera", "view", name, speed, "\(pause)"])
    }
    defer {
      for viewer in viewers { viewer.end() }
      // A viewer that is killed removes no name; this process still has the topic then.
      withExtendedLifetime(topic) {}
    }
    while topic.statistics.subscriberCount < 2 {
      if let signal = interruption.signal { throw ExitCode(128 + signal) }
      guard viewers.allSatisfy(\.isRunning) else { throw Failure("A viewer has ended too early.") }
      usleep(1_000)
    }
    print("Started a fast viewer and a slow one")

    var publisher = try topic.publisher()
    for number in 0..<frames where interruption.signal == nil {
      var frame = try publisher.loan(count: pixelCount)
      let pixel = Pixel(ofFrame: number)
      var pixels = frame.elements
      for index in pixels.indices { pixels[index] = pixel }
      try frame.publish()
      usleep(UInt32(1000 * interval))
    }
    if let signal = interruption.signal { throw ExitCode(128 + signal) }
    // The viewers get what is left, and then the end.
    try publisher.finish()
    print("Published \(frames) frames, which are not waited for")

    for viewer in viewers {
      guard let line = viewer.nextLine(interruption) else {
        if let signal = interruption.signal { throw ExitCode(128 + signal) }
        throw Failure("A viewer has ended too early.")
      }
      print(line)
    }
  }
}

/// One of the processes that look at the frames.
struct Viewer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "view", abstract: "Be one of the viewers.", shouldDisplay: false)

  @Argument var name: String
  @Argument var speed: String
  @Argument var pause: UInt32

  func run() throws {
    printLinesAtOnce()
    let topic = try SharedTopic<Pixel>.attach(name)
    var subscriber = try topic.subscriber()
    var receivedCount = 0
    // The frame lies where the camera wrote it, and stays unchanged until the end of each turn.
    while let frame = try subscriber.next() {
      usleep(1000 * pause)
      let pixels = frame.elements
      for index in stride(from: 0, to: pixels.count, by: 1001) {
        guard pixels[index] == Pixel(ofFrame: frame.sequence) else {
          throw Failure("Frame \(frame.sequence) is torn.")
        }
      }
      receivedCount += 1
    }
    print("The \(speed) viewer received \(receivedCount) frames, missed \(subscriber.missedCount)")
  }
}

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

// Messages of different lengths through one queue of bytes: an order as JSON, and the same order
// packed by hand. The first byte says which form a message has.
//
//   one terminal:   swift run encoded-messages send
//   another one:    swift run encoded-messages receive

import ArgumentParser
import ExampleSupport
import Foundation
import Interprocess

struct Order: Codable, Equatable {
  var symbol: String
  var count: UInt32
  var price: Double
}

/// The forms of a message, by its first byte.
enum Form: UInt8 {
  case json = 0x7B  // as every JSON object begins
  case packed = 1
}

@main
struct EncodedMessages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encoded-messages",
    abstract: "Sends an order as JSON and packed by hand through one queue.",
    subcommands: [Send.self, Receive.self])
}

struct Names: ParsableArguments {
  @Option(help: "The name of the shared queue.") var name = "MyOrders"
}

struct Send: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Create the queue, and send orders.")

  @OptionGroup var names: Names
  @OptionGroup var option: WaitOption

  func run() throws {
    printLinesAtOnce()
    let interruption = Interruption()
    // The name goes with the last process that has the queue.
    let queue = try SharedByteQueue.create(
      names.name, byteCapacity: 1024, maximumByteCount: 200, options: .whileAttached)
    print("Created \"\(names.name)\"")
    for order in [
      Order(symbol: "SWFT", count: 100, price: 63.5), Order(symbol: "PY", count: 7, price: 3.14),
    ] {
      let json = try JSONEncoder().encode(order)
      try queue.send(byteCount: json.count) { bytes in
        for (offset, byte) in json.enumerated() {
          bytes.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
      }
      print("Sent \(order.symbol) as JSON, \(json.count) bytes")
      try queue.send(byteCount: order.packedByteCount) { order.pack(into: &$0) }
      print("Sent \(order.symbol) packed, \(order.packedByteCount) bytes")
    }
    try queue.finish()

    // The other process can find the queue as long as this one has it.
    let deadline = option.deadline
    while queue.count > 0 {
      if let signal = interruption.signal { throw ExitCode(128 + signal) }
      guard .now < deadline else {
        throw Failure("Nobody has received the orders. Start the other program within 10 seconds.")
      }
      usleep(1_000)
    }
    print("All have been received")
  }
}

struct Receive: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Receive the orders.")

  @OptionGroup var names: Names
  @OptionGroup var option: WaitOption

  func run() throws {
    printLinesAtOnce()
    let queue = try SharedByteQueue.attach(
      names.name, waitingUpTo: .seconds(min(option.wait, 1e9)))
    print("Attached to \"\(names.name)\"")
    while let line = try queue.receive({ try Self.text($0) }) { print(line) }
    print("The queue is finished")
  }

  /// Decodes a message in place.
  private static func text(_ bytes: RawSpan) throws -> String {
    let first = bytes.isEmpty ? nil : unsafe bytes.unsafeLoad(as: UInt8.self)
    let order: Order
    switch first.flatMap(Form.init(rawValue:)) {
    case .json: order = try JSONDecoder().decode(Order.self, from: Data(copying: bytes))
    case .packed: order = try Order(unpacking: bytes)
    case nil: throw Failure("A message begins with \(first.map { "\($0)" } ?? "nothing").")
    }
    let form = first == Form.json.rawValue ? "JSON" : "packed"
    return "Received \(order.symbol) x \(order.count) at \(order.price) (\(form))"
  }
}

extension Data {
  init(copying bytes: RawSpan) {
    self.init(
      (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) })
  }
}

// Packed: 1 byte for the form, 4 for the count, 8 for the price, and then the symbol.
extension Order {
  private static let headByteCount = 13

  var packedByteCount: Int { Self.headByteCount + symbol.utf8.count }

  func pack(into bytes: inout MutableRawSpan) {
    bytes.storeBytes(of: Form.packed.rawValue, toByteOffset: 0, as: UInt8.self)
    bytes.storeBytes(of: count.littleEndian, toByteOffset: 1, as: UInt32.self)
    bytes.storeBytes(of: price.bitPattern.littleEndian, toByteOffset: 5, as: UInt64.self)
    for (offset, byte) in symbol.utf8.enumerated() {
      bytes.storeBytes(of: byte, toByteOffset: Self.headByteCount + offset, as: UInt8.self)
    }
  }

  init(unpacking bytes: RawSpan) throws {
    guard bytes.byteCount >= Self.headByteCount else {
      throw Failure("A packed order has \(bytes.byteCount) bytes.")
    }
    count = UInt32(
      littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt32.self))
    price = Double(
      bitPattern: UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 5, as: UInt64.self)))
    let symbol = (Self.headByteCount..<bytes.byteCount).map {
      unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
    }
    self.symbol = String(decoding: symbol, as: UTF8.self)
  }
}

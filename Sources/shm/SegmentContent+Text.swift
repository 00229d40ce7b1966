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

import Interprocess

extension SegmentContent {
  /// What there is to say beyond the kind, as rows of a name and a text.
  var rows: [[String]] {
    switch self {
    case .bytes:
      []
    case .array(let header):
      [["dtype", header.dtype.escaped], ["shape", shapeText(header.shape)]]
        + (header.isFortranOrder ? [["order", "Fortran"]] : [])
    case .list(let count, let elements):
      [["items", String(count)]]
        + elements.prefix(Self.shownItemCount).enumerated().map { ["[\($0)]", $1.text] }
        + (count > min(elements.count, Self.shownItemCount) ? [["...", ""]] : [])
    case .value(let dtype, let version):
      [["dtype", dtype.escaped], ["version", String(version)]]
    case .mutex(let dtype, let holding):
      [["dtype", dtype.escaped], ["lock", holding.text]]
    case .readWriteLock(let dtype, let writer, let maximumReaderCount, let readers):
      [
        ["dtype", dtype.escaped], ["writer", writer.text],
        ["readers", "\(readers.heldCount) of at most \(maximumReaderCount)"],
      ] + readers.rows("reading") + [["orphaned", String(readers.orphanedCount)]]
    case .semaphore(let permitCount, let holding):
      [
        ["permits", String(permitCount)],
        ["free", String(permitCount - holding.heldCount - holding.orphanedCount)],
        ["orphaned", String(holding.orphanedCount)],
      ] + holding.rows("held by")
    case .barrier(let partyCount, let arrivedCount, let condition, let parties):
      [
        ["parties", String(partyCount)], ["arrived", String(arrivedCount)],
        ["state", condition.text],
      ] + parties.rows("party") + [["dead", String(parties.orphanedCount)]]
    case .event(let isSet, let generation):
      [["state", isSet ? "set" : "not set"], ["generation", String(generation)]]
    case .atomic(let dtype, let value):
      [["dtype", dtype.escaped], ["value", String(value)]]
    case .queue(let dtype, let capacity, let isFinished, let statistics):
      [["dtype", dtype.escaped], ["capacity", String(capacity)]] + rows(isFinished, statistics)
    case .byteQueue(let byteCapacity, let isFinished, let statistics):
      [["capacity", sizeText(byteCapacity)]] + rows(isFinished, statistics)
    case .topic(
      let dtype, let history, let maximumElementCount, let slotByteCount, let isFinished,
      let statistics):
      [
        ["dtype", dtype.escaped], ["elements", "up to \(maximumElementCount) a message"],
        ["history", String(history)],
        ["slots", "\(statistics.slotCount) of \(sizeText(slotByteCount))"],
        ["finished", isFinished ? "yes" : "no"],
      ] + rows(statistics)
    case .unknown(let kind):
      [["number", String(kind)]]
    case .unusable(_, let error):
      [["problem", error.message.escaped]]
    }
  }

  private func rows(_ isFinished: Bool, _ statistics: QueueStatistics) -> [[String]] {
    [
      ["messages", String(statistics.count)], ["finished", isFinished ? "yes" : "no"],
      ["sent", String(statistics.sentCount)], ["received", String(statistics.receivedCount)],
      ["slept, full", String(statistics.fullCount)],
      ["slept, empty", String(statistics.emptyCount)], ["woken", String(statistics.wokenCount)],
    ]
  }

  private func rows(_ statistics: TopicStatistics) -> [[String]] {
    [
      ["subscribers", String(statistics.subscriberCount)], ["held", String(statistics.heldCount)],
      ["published", String(statistics.publishedCount)],
      ["received", String(statistics.receivedCount)], ["missed", String(statistics.missedCount)],
      ["slept, full", String(statistics.fullCount)],
      ["slept, empty", String(statistics.emptyCount)], ["woken", String(statistics.wokenCount)],
    ]
  }

  private func details(_ statistics: TopicStatistics) -> [(key: String, value: JSON)] {
    [
      ("slotCount", .integer(statistics.slotCount)),
      ("subscriberCount", .integer(statistics.subscriberCount)),
      ("heldCount", .integer(statistics.heldCount)),
      ("publishedCount", .integer(statistics.publishedCount)),
      ("receivedCount", .integer(statistics.receivedCount)),
      ("missedCount", .integer(statistics.missedCount)),
      ("fullCount", .integer(statistics.fullCount)),
      ("emptyCount", .integer(statistics.emptyCount)),
      ("wokenCount", .integer(statistics.wokenCount)),
    ]
  }

  private func details(
    _ isFinished: Bool, _ statistics: QueueStatistics
  ) -> [(key: String, value: JSON)] {
    [
      ("count", .integer(statistics.count)), ("isFinished", .boolean(isFinished)),
      ("sentCount", .integer(statistics.sentCount)),
      ("receivedCount", .integer(statistics.receivedCount)),
      ("fullCount", .integer(statistics.fullCount)),
      ("emptyCount", .integer(statistics.emptyCount)),
      ("wokenCount", .integer(statistics.wokenCount)),
    ]
  }

  /// So many items of a list are shown; `shm read` prints all.
  private static let shownItemCount = 20

  /// The same for programs, with the kind.
  var json: [(key: String, value: JSON)] {
    let details: [(key: String, value: JSON)] =
      switch self {
      case .bytes:
        []
      case .array(let header):
        [
          ("dtype", .string(header.dtype)),
          ("shape", .array(header.shape.map { .integer($0) })),
          ("isFortranOrder", .boolean(header.isFortranOrder)),
        ]
      case .list(let count, let elements):
        [("itemCount", .integer(count)), ("items", .array(elements.map(\.json)))]
      case .value(let dtype, let version):
        [("dtype", .string(dtype)), ("version", .integer(version))]
      case .mutex(let dtype, let holding):
        [("dtype", .string(dtype))] + holding.json
      case .readWriteLock(let dtype, let writer, let maximumReaderCount, let readers):
        [("dtype", .string(dtype))] + writer.json + [
          ("maximumReaderCount", .integer(maximumReaderCount)),
          ("readerCount", .integer(readers.heldCount)),
          ("orphanedCount", .integer(readers.orphanedCount)), ("readers", readers.json),
        ]
      case .semaphore(let permitCount, let holding):
        [
          ("permitCount", .integer(permitCount)),
          ("freeCount", .integer(permitCount - holding.heldCount - holding.orphanedCount)),
          ("orphanedCount", .integer(holding.orphanedCount)), ("holders", holding.json),
        ]
      case .barrier(let partyCount, let arrivedCount, let condition, let parties):
        [
          ("partyCount", .integer(partyCount)), ("arrivedCount", .integer(arrivedCount)),
          ("state", .string(condition.word)), ("deadCount", .integer(parties.orphanedCount)),
          ("parties", parties.json),
        ]
      case .event(let isSet, let generation):
        [("isSet", .boolean(isSet)), ("generation", .integer(generation))]
      case .atomic(let dtype, let value):
        [("dtype", .string(dtype)), ("value", .integer(value))]
      case .queue(let dtype, let capacity, let isFinished, let statistics):
        [("dtype", .string(dtype)), ("capacity", .integer(capacity))]
          + details(isFinished, statistics)
      case .byteQueue(let byteCapacity, let isFinished, let statistics):
        [("byteCapacity", .integer(byteCapacity))] + details(isFinished, statistics)
      case .topic(
        let dtype, let history, let maximumElementCount, let slotByteCount, let isFinished,
        let statistics):
        [
          ("dtype", .string(dtype)), ("history", .integer(history)),
          ("maximumElementCount", .integer(maximumElementCount)),
          ("slotByteCount", .integer(slotByteCount)), ("isFinished", .boolean(isFinished)),
        ] + details(statistics)
      case .unknown(let kind):
        [("number", .integer(kind))]
      case .unusable(_, let error):
        [("problem", .string(error.message))]
      }
    return [("kind", .string(kind))] + details
  }
}

extension PlaceHolding {
  /// So many holders are shown; the JSON object has all.
  private static let shownHolderCount = 20

  fileprivate func rows(_ title: String) -> [[String]] {
    holders.prefix(Self.shownHolderCount).map { holder in
      let times = holder.placeCount == 1 ? "" : " (\(holder.placeCount) times)"
      return [title, (holder.process?.text ?? "?") + times]
    } + (holders.count > Self.shownHolderCount ? [["...", ""]] : [])
  }

  /// A process is null if this user cannot see which it is.
  fileprivate var json: JSON {
    .array(
      holders.map {
        .object([
          ("process", $0.process?.json ?? .null), ("count", .integer($0.placeCount)),
        ])
      })
  }
}

extension SharedBarrier.Condition {
  fileprivate var text: String {
    switch self {
    case .whole: "whole"
    case .partyDied: "broken: a party died or left"
    case .partyGaveUp: "broken: a party gave up"
    }
  }

  fileprivate var word: String {
    switch self {
    case .whole: "whole"
    case .partyDied: "partyDied"
    case .partyGaveUp: "partyGaveUp"
    }
  }
}

extension LockHolding {
  fileprivate var text: String {
    switch self {
    case .free: "free"
    case .held(by: let process?): "held by \(process.text)"
    case .held(by: nil): "held by ?"
    case .ownerDied: "its holder died"
    }
  }

  /// The state, and the process that holds the lock, or null.
  fileprivate var json: [(key: String, value: JSON)] {
    switch self {
    case .free: [("lock", .string("free")), ("holder", .null)]
    case .held(let process): [("lock", .string("held")), ("holder", process?.json ?? .null)]
    case .ownerDied: [("lock", .string("ownerDied")), ("holder", .null)]
    }
  }
}

/// A shape as `--shape` takes it, such as 480x640.
///
/// An array without dimensions has one element.
func shapeText(_ shape: [Int]) -> String {
  shape.isEmpty ? "one element" : shape.map { String($0) }.joined(separator: "x")
}

extension ShareableList.Element {
  /// The element as a Swift literal, in one line.
  var text: String {
    switch self {
    case .int(let value): String(value)
    case .double(let value): value.description
    case .bool(let value): String(value)
    case .string(let text): "\"" + text.escaped.replacing("\"", with: "\\\"") + "\""
    case .bytes(let bytes):
      "[" + bytes.map { "0x" + hexadecimal($0, digits: 2) }.joined(separator: ", ") + "]"
    case .none: "nil"
    }
  }

  /// Bytes are an array of numbers, and a number that JSON does not have is a string.
  var json: JSON {
    switch self {
    case .int(let value): .integer(Int(value))
    case .double(let value): value.isFinite ? .number(value) : .string(value.description)
    case .bool(let value): .boolean(value)
    case .string(let text): .string(text)
    case .bytes(let bytes): .array(bytes.map { .integer(Int($0)) })
    case .none: .null
    }
  }
}

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

/// Where the parts of a list lie, as CPython 3.9 and newer lay out `ShareableList`.
///
/// With N elements, and K bytes of data, in the machine's byte order:
///
/// | at byte      | bytes     | what                                                            |
/// |--------------|-----------|-----------------------------------------------------------------|
/// | 0            | 8         | N                                                               |
/// | 8            | 8 (N + 1) | the offsets of the slots in the data: 0 first, K last           |
/// | 16 + 8N      | K         | the data: slot i begins at offset i, and ends where the next is |
/// | 16 + 8N + K  | 8N        | the format of each element, see ``ListFormat``                  |
/// | 16 + 16N + K | N         | the code of each element, see ``ListCode``                      |
///
/// The memory has at least the 16 + 17N + K bytes of the list; on systems, and with writers, that
/// round sizes up, it has more.
struct ListLayout: Sendable {
  /// The capacities that a slot may have.
  ///
  /// A number needs 8 bytes; and CPython writes the capacity into a format of at most 8 characters,
  /// which leaves 7 digits.
  static let capacities = 8...9_999_999

  /// Where each slot begins in the data; the last entry is where the last slot ends.
  private let offsets: [Int]

  /// The layout of a new list, whose slots have the given capacities, all valid.
  init(capacities: [Int]) {
    var offsets = [0]
    offsets.reserveCapacity(capacities.count + 1)
    var end = 0
    for capacity in capacities {
      end += capacity
      offsets.append(end)
    }
    self.offsets = offsets
  }

  /// Reads the layout of a list that another process may have written.
  ///
  /// Everything is read once, and nothing is trusted. Takes no more time and memory than the
  /// offsets that are present and valid.
  ///
  /// - Throws: What is wrong with it.
  init<Bytes: SegmentBytes & ~Copyable>(reading range: borrowing Bytes) throws(ListFault) {
    guard range.byteCount >= Self.smallestByteCount else { throw .tooSmall }
    let count = range.loadUnaligned(at: 0, as: Int.self)
    // The division keeps everything that follows from overflowing.
    let room = range.byteCount - Self.smallestByteCount
    guard count >= 0, count <= room / (Self.tablesByteCount + Self.capacities.lowerBound) else {
      throw .count(count)
    }
    let dataByteCount = room - count * Self.tablesByteCount
    guard range.loadUnaligned(at: 8, as: Int.self) == 0 else { throw .firstOffset }

    // Not reserved at once: a file with holes may be huge and yet have cost its creator nothing.
    var offsets = [0]
    var end = 0
    for index in 0..<count {
      let next = range.loadUnaligned(at: 16 + 8 * index, as: Int.self)
      // Both numbers are in 0...dataByteCount here.
      guard next >= end, next <= dataByteCount, Self.capacities.contains(next - end) else {
        throw .slot(index)
      }
      end = next
      offsets.append(next)
    }
    self.offsets = offsets
  }

  /// The bytes that each element takes in the tables: an offset, a format and a code.
  private static let tablesByteCount = 8 + 8 + 1

  /// The size of a list without elements: the count and one offset.
  static let smallestByteCount = 16

  var count: Int { offsets.count - 1 }

  /// The size of the whole list, in bytes.
  var byteCount: Int { codesStart + count }

  private var dataStart: Int { 16 + 8 * count }
  private var formatsStart: Int { dataStart + offsets[count] }
  private var codesStart: Int { formatsStart + 8 * count }

  /// The position of an element.
  struct Slot {
    /// Where its data begins, from the beginning of the memory.
    var byteOffset: Int
    /// The number of bytes for its data.
    var capacity: Int
    /// Where the 8 bytes of its format begin.
    var formatByteOffset: Int
    /// Where its code of one byte is.
    var codeByteOffset: Int
  }

  @inline(__always)
  subscript(index: Int) -> Slot {
    precondition(index >= 0 && index < count, "Index out of range of the list")
    let offset = offsets[index]
    return Slot(
      byteOffset: dataStart + offset, capacity: offsets[index + 1] - offset,
      formatByteOffset: formatsStart + 8 * index, codeByteOffset: codesStart + index)
  }

  /// Writes the count and the offsets.
  func store(into bytes: inout MutableRawSpan) {
    bytes.storeBytes(of: count, toByteOffset: 0, as: Int.self)
    for (index, offset) in offsets.enumerated() {
      bytes.storeBytes(of: offset, toByteOffset: 8 + 8 * index, as: Int.self)
    }
  }
}

/// What is wrong with the tables of a list.
enum ListFault: Error {
  case tooSmall
  case count(Int)
  case firstOffset
  case slot(Int)

  /// What is wrong, to follow a colon.
  var reason: String {
    switch self {
    case .tooSmall: "it is too small for one"
    case .count(let count): "it has no room for the \(count) elements that it claims to have"
    case .firstOffset: "its first element does not lie where the data begins"
    case .slot(let index): "the offsets of element \(index) make no sense"
    }
  }
}

/// How to read the data of an element, in the notation of CPython's `struct` module: up to 8 ASCII
/// characters, padded with NUL.
enum ListFormat: Equatable {
  /// `q`: 8 bytes.
  case int
  /// `d`: 8 bytes.
  case double
  /// `xxxxxxx?`: 7 ignored bytes, and one that is zero or not.
  case bool
  /// `xxxxxx?x`: 8 ignored bytes.
  case null
  /// `<byteCount>s`: text or bytes.
  case text(byteCount: Int)

  // The characters as a number, the first in the lowest byte.
  private static let intText: UInt64 = 0x71
  private static let doubleText: UInt64 = 0x64
  private static let boolText: UInt64 = 0x3F78_7878_7878_7878
  private static let nullText: UInt64 = 0x783F_7878_7878_7878

  /// The 8 bytes as a number, in the machine's byte order.
  var stored: UInt64 {
    switch self {
    case .int: Self.intText.littleEndian
    case .double: Self.doubleText.littleEndian
    case .bool: Self.boolText.littleEndian
    case .null: Self.nullText.littleEndian
    case .text(let byteCount): Self.text(byteCount: byteCount).littleEndian
    }
  }

  /// - Parameter byteCount: At most 7 digits.
  private static func text(byteCount: Int) -> UInt64 {
    var text = UInt64(UInt8(ascii: "s"))
    var rest = UInt64(byteCount)
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      text = text << 8 | (UInt64(UInt8(ascii: "0")) + digit)
      rest = quotient
    } while rest > 0
    return text
  }

  /// `nil` if no list has such a format.
  init?(stored: UInt64) {
    let text = UInt64(littleEndian: stored)
    switch text {
    case Self.intText: self = .int
    case Self.doubleText: self = .double
    case Self.boolText: self = .bool
    case Self.nullText: self = .null
    default:
      var rest = text
      var byteCount = 0
      while case let digit = UInt8(truncatingIfNeeded: rest) &- UInt8(ascii: "0"), digit < 10 {
        byteCount = byteCount * 10 + Int(digit)
        rest >>= 8
      }
      guard rest == UInt64(UInt8(ascii: "s")), rest != text else { return nil }
      self = .text(byteCount: byteCount)
    }
  }
}

/// What CPython does with the data of an element once it has read it.
enum ListCode: Int8 {
  /// An int, a double or a bool stays what it is.
  case value = 0
  /// Text loses the NULs at its end, and is decoded.
  case string = 1
  /// Bytes lose the NULs at their end.
  case bytes = 2
  /// Nothing is read: `None`.
  case null = 3
}

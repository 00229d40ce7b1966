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

import Foundation
import Interprocess
import TestSupport
import Testing

typealias Element = ShareableList.Element

/// Makes a segment of the given bytes, as a program in another language does.
func makeSegment(_ name: String, _ bytes: [UInt8]) {
  #expect(
    FileManager.default.createFile(
      atPath: path(name), contents: Data(bytes), attributes: [.posixPermissions: 0o600]))
}

func bytes(of name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: path(name))))
}

/// The result of reading an element: the element, or `corrupted`.
func read(_ list: borrowing ShareableList, _ index: Int) throws -> Element? {
  do {
    return try list[index]
  } catch {
    guard case .corrupted = error.code else { throw error }
    return nil
  }
}

/// The code of the error that an assignment throws; `nil` if it throws none.
func refusal(
  _ list: inout ShareableList, _ element: Element, at index: Int
) -> InterprocessError.Code? {
  errorCode { try list.set(element, at: index) }
}

/// The error of attaching to a list; `nil` if it succeeds.
func attachError(
  _ name: String, waitingUpTo timeout: Duration? = nil
) -> InterprocessError? {
  do {
    _ = try ShareableList.attach(name, waitingUpTo: timeout)
    return nil
  } catch {
    return error
  }
}

/// A list in a class, so that an array can hold many.
final class ListBox {
  var list: ShareableList

  init(_ list: consuming ShareableList) { self.list = list }
}

// MARK: - Words

// Elements as words that the Python programs understand as well. Two elements are equal bit by bit
// if their words are equal.
extension ShareableList.Element {
  var word: String {
    switch self {
    case .int(let value): "i\(value)"
    case .double(let value):
      "d" + hex((0..<8).map { UInt8(value.bitPattern >> (56 - 8 * $0) & 255) })
    case .bool(let value): value ? "b1" : "b0"
    case .string(let text): "s" + hex(Array(text.utf8))
    case .bytes(let bytes): "y" + hex(bytes)
    case .none: "n"
    }
  }
}

extension [Element] {
  var words: String { map(\.word).joined(separator: " ") }
}

func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// The bytes of a dump, which may contain spaces, line ends, offsets followed by a colon, and
/// comments after two spaces.
func dump(_ text: String) -> [UInt8] {
  text.split(separator: "\n").flatMap { line in
    let digits = line.drop { $0 != ":" }.dropFirst(2).prefix(47)
    return digits.split(separator: " ").prefix { $0.count == 2 }.compactMap {
      UInt8($0, radix: 16)
    }
  }
}

// MARK: - Random elements

extension SeededGenerator {
  /// A random element that a list made for it can hold.
  mutating func element() -> Element {
    switch Int.random(in: 0..<9, using: &self) {
    case 0: return .int(Int64(truncatingIfNeeded: next()) >> Int64.random(in: 0..<64, using: &self))
    case 1: return .int([.min, .max, 0, -1, 1].randomElement(using: &self)!)
    case 2:
      let value = Double(bitPattern: next())
      return .double(value.isNaN ? .nan : value)
    case 3:
      return .double([0, -0.0, .infinity, -.infinity, .nan, 0.1].randomElement(using: &self)!)
    case 4: return .bool(Bool.random(using: &self))
    case 5: return .none
    case 6:
      var bytes = (0..<length()).map { _ in UInt8.random(in: 0...255, using: &self) }
      while bytes.last == 0 { bytes.removeLast() }
      return .bytes(bytes)
    default:
      var text = text()
      while text.last == "\0" { text.removeLast() }
      return .string(String(text))
    }
  }

  /// A random element; sometimes one that ends in NUL, which Python stores and cuts.
  mutating func anyElement() -> Element {
    switch (Int.random(in: 0..<10, using: &self), element()) {
    case (0, .bytes(let bytes)): .bytes(bytes + [0])
    case (0, .string(let text)): .string(text + "\0\0")
    case (_, let element): element
    }
  }

  mutating func elements() -> [Element] {
    let count =
      Int.random(in: 0..<100, using: &self) == 0 ? 100 : Int.random(in: 0...10, using: &self)
    return (0..<count).map { _ in element() }
  }

  /// Lengths around the multiples of 8 are the interesting ones.
  private mutating func length() -> Int {
    switch Int.random(in: 0..<10, using: &self) {
    case 0: 0
    case 1: Int.random(in: 0...200, using: &self)
    case 2...5: 8 * Int.random(in: 1...3, using: &self) + Int.random(in: -1...1, using: &self)
    default: Int.random(in: 0...12, using: &self)
    }
  }

  private mutating func text() -> String.UnicodeScalarView {
    let alphabets: [[Unicode.Scalar]] = [
      ["a", "b", "Z", "0", " ", "~"], ["a", "é", "€", "😀", "\0", "x"], ["é"], ["😀", "a"],
    ]
    // Most texts are ASCII, for which both sides make slots of the same size.
    let alphabet = alphabets[max(0, Int.random(in: -4..<alphabets.count, using: &self))]
    var text = String.UnicodeScalarView()
    for _ in 0..<length() { text.append(alphabet.randomElement(using: &self)!) }
    return text
  }
}

// MARK: - What CPython does

extension ShareableList.Element {
  /// The bytes of the slot that CPython gives to this element.
  var pythonCapacity: Int {
    switch self {
    case .string(let text): 8 * (text.unicodeScalars.count / 8 + 1)
    case .bytes(let bytes): 8 * (bytes.count / 8 + 1)
    default: 8
    }
  }

  /// The bytes of the slot that this library gives to this element.
  var capacity: Int {
    if case .string(let text) = self { 8 * (text.utf8.count / 8 + 1) } else { pythonCapacity }
  }

  /// What can be read after CPython has stored this element in a slot: `nil` if that is not UTF-8.
  func stored(capacity: Int) -> Element? {
    func kept(_ bytes: some Collection<UInt8>) -> [UInt8] {
      var bytes = Array(bytes.prefix(capacity))
      while bytes.last == 0 { bytes.removeLast() }
      return bytes
    }
    switch self {
    case .string(let text):
      return String(validating: kept(text.utf8), as: UTF8.self).map { .string($0) }
    case .bytes(let bytes):
      return .bytes(kept(bytes))
    default:
      return self
    }
  }

  var endsInZero: Bool {
    switch self {
    case .string(let text): text.utf8.last == 0
    case .bytes(let bytes): bytes.last == 0
    default: false
    }
  }

  var textByteCount: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    default: 0
    }
  }
}

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
import TestSupport
import Testing

@Suite("Hostile arrays", .timeLimit(.minutes(10)))
struct SharedArrayHostileTests {
  /// The texts from which mutated headers start.
  static let texts: [String] = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (7,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 4), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }",
    """
    {'descr': [('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('c', '<u2'), ('', '|V6')], \
    'fortran_order': False, 'shape': (2,), }
    """,
    "{'descr': [('x', '<f8'), ('y', '|u1', (2, 2))], 'fortran_order': False, 'shape': (), }",
  ]

  /// The pieces that are put into a header at random.
  static let pieces: [String] = [
    "(", ")", "[", "]", "{", "}", "'", "\"", "\\", ",", ":", " ", "\n", "0", "9", "-1", "True",
    "None", "18446744073709551616", "9223372036854775807", "4294967296", "(0,)", "(2, 3)",
    "'descr'", "'shape'", "'fortran_order'", "'<f8'", "'>f8'", "'|O'", "'|V9223372036854775807'",
    "('a', '<f8')", "('', '|V8')", "\\x", "\\u00e9", "\u{E9}", "\0", "<f8", "((((((((", "[[[[[[[[",
    "{'a':{'a':", "\u{93}NUMPY",
  ]

  private struct Mutator {
    var generator: SeededGenerator

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    /// The bytes of a mutated file, and the text from which it started.
    mutating func file() -> (bytes: [UInt8], text: Int) {
      let number = below(SharedArrayHostileTests.texts.count)
      var text = Array(SharedArrayHostileTests.texts[number].utf8)
      for _ in 0..<below(4) {
        let position = below(text.count + 1)
        switch below(6) {
        case 0:
          let piece = SharedArrayHostileTests.pieces[below(SharedArrayHostileTests.pieces.count)]
          text.insert(contentsOf: piece.utf8, at: position)
        case 1:
          let piece = SharedArrayHostileTests.pieces[below(SharedArrayHostileTests.pieces.count)]
          text.replaceSubrange(position..<min(text.count, position + below(8)), with: piece.utf8)
        case 2: text.removeSubrange(position..<min(text.count, position + below(12)))
        case 3 where position < text.count: text[position] = UInt8(below(256))
        case 4: text.append(contentsOf: repeatElement(0x20, count: below(100)))
        default:
          let start = below(text.count + 1)
          text.insert(
            contentsOf: Array(text[start..<min(text.count, start + below(30))]), at: position)
        }
      }
      var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8)
      let version: UInt8 = below(20) == 0 ? UInt8(below(256)) : UInt8(1 + below(3))
      bytes += [version, below(20) == 0 ? UInt8(below(256)) : 0]
      var length = text.count
      if below(5) == 0 { length = [0, 1, 127, 65_535, Int(UInt32.max), below(300)][below(6)] }
      for index in 0..<(version == 1 ? 2 : 4) {
        bytes.append(UInt8(truncatingIfNeeded: length >> (8 * index)))
      }
      bytes += text
      if below(20) == 0 { bytes[below(bytes.count)] = UInt8(below(256)) }
      return (bytes, number)
    }
  }

  /// The result of attaching: the error, or an array whose first and last elements have been read
  /// and written.
  private func outcome<Element: Shareable>(
    _ type: Element.Type, _ name: String, _ byteCount: Int
  ) -> String {
    do throws(InterprocessError) {
      var array = try SharedArray<Element>.attach(name)
      let (count, shape) = (array.count, array.shape)
      guard count == shape.reduce(1, *), count * MemoryLayout<Element>.stride < byteCount else {
        return "array of \(count) in \(shape)"
      }
      if count > 0 {
        array.withMutableSpan { span in
          span[count - 1] = span[0]
          span[0] = span[count - 1]
        }
      }
      return "array"
    } catch {
      guard error.name == name, error.message.utf8.count < 1000 else { return "\(error)" }
      switch error.code {
      case .corrupted: return "corrupted"
      case .layoutMismatch: return "layoutMismatch"
      case .wrongKind: return "wrongKind"
      default: return "\(error)"
      }
    }
  }

  @Test("Each attach to a mutated header ends in an error or a usable array", arguments: 0..<4)
  func mutated(part: UInt64) throws {
    let roundCount = extent(whole: 2500, short: 250)
    var mutator = Mutator(generator: SeededGenerator(seed: part))
    var outcomes: [String: Int] = [:]
    for byteCount in [1, 11, 64, 100, 150, 250, 300, 400, 500, 1000] {
      let name = uniqueName()
      var memory = try SharedMemory.create(name, byteCount: byteCount, options: .whileAttached)
      for round in 0..<roundCount {
        let (bytes, text) = mutator.file()
        memory.withMutableBytes { span in
          span.withUnsafeMutableBytes { $0.copyBytes(from: bytes.prefix(byteCount)) }
        }
        // With the type of the text, and with any other.
        let outcome =
          switch round % 2 == 0 ? text : round / 2 % 4 {
          case 0, 3: outcome(Double.self, name, byteCount)
          case 1: outcome(UInt8.self, name, byteCount)
          case 2: outcome(SIMD4<Float>.self, name, byteCount)
          default: outcome(ArrayTypes.Padded.self, name, byteCount)
          }
        outcomes[outcome, default: 0] += 1
      }
    }
    #expect(Set(outcomes.keys) == ["array", "corrupted", "layoutMismatch", "wrongKind"])
    #expect(outcomes.values.reduce(0, +) == 10 * roundCount)
    #expect(outcomes["array", default: 0] > roundCount / 13, "\(outcomes)")
    #expect(outcomes["layoutMismatch", default: 0] > roundCount / 5, "\(outcomes)")
    #expect(outcomes["corrupted", default: 0] > roundCount / 5, "\(outcomes)")
  }

  @Test("A header of the greatest length, whatever its content, is read in a moment")
  func long() throws {
    let name = uniqueName()
    var memory = try SharedMemory.create(name, byteCount: 70_000, options: .whileAttached)
    for filling in [" ", "(", "[],", "'", "\\", "{'a':", "((),", "1", "'a':1,", "-", "\u{E9}"] {
      for beginning in ["", "{", "{'shape': (", "{'descr': [", "'"] {
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 0xFF, 0xFF]
        bytes += beginning.utf8
        while bytes.count < 65_545 { bytes += filling.utf8 }
        memory.withMutableBytes { span in
          span.withUnsafeMutableBytes { $0.copyBytes(from: bytes.prefix(65_545)) }
        }
        #expect(outcome(Double.self, name, 70_000) == "corrupted")
      }
    }
  }
}

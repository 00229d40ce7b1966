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

import Subprocess
import TestSupport
import Testing

@testable import Interprocess

@Suite("Element layout")
struct ElementLayoutTests {
  typealias Padded = ArrayTypes.Padded
  typealias Tail = ArrayTypes.Inner

  /// The second field lies where C would pad after the first one.
  struct InTail: Shareable {
    var tail: Tail
    var next: UInt8
  }

  struct Nested: Shareable {
    var head: Int32
    var inner: Tail
    var list: InlineArray<3, Tail>
    var grid: InlineArray<2, InlineArray<3, Int16>>
  }

  struct Vectors: Shareable {
    var two: SIMD2<Int8>
    var three: SIMD3<Float>
    var next: Float
    var list: InlineArray<2, SIMD3<Float>>
  }

  struct Tuples: Shareable {
    var pair: (UInt8, Float)
    private var hidden: UInt16 = 0

    init() { pair = (1, 2) }
  }

  struct `Odd one`: Shareable {
    var `it's`: UInt8
    var größe: UInt8
  }

  struct Wide: Shareable {
    var signed: Int128
    var unsigned: UInt128
  }

  static var descriptions: [(any Shareable.Type, String)] {
    [
      (Int8.self, "'|i1'"), (Int16.self, "'<i2'"), (Int32.self, "'<i4'"), (Int64.self, "'<i8'"),
      (Int.self, "'<i8'"), (UInt8.self, "'|u1'"), (UInt16.self, "'<u2'"), (UInt32.self, "'<u4'"),
      (UInt64.self, "'<u8'"), (UInt.self, "'<u8'"), (Float.self, "'<f4'"), (Double.self, "'<f8'"),
      (Float16.self, "'<f2'"), (Int128.self, "'<i16'"), (UInt128.self, "'<u16'"),
      (SIMD4<Float>.self, "('<f4', (4,))"),
      (SIMD3<Float>.self, "[('lanes', '<f4', (3,)), ('', '|V4')]"),
      (InlineArray<2, InlineArray<3, Int32>>.self, "('<i4', (2, 3))"),
      (Padded.self, "[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('c', '<u2'), ('', '|V6')]"),
      (Tail.self, "[('x', '<f8'), ('y', '|u1'), ('', '|V7')]"),
      (
        InTail.self,
        "[('tail', [('x', '<f8'), ('y', '|u1')]), ('next', '|u1'), ('', '|V6')]"
      ),
      (
        Nested.self,
        """
        [('head', '<i4'), ('', '|V4'), ('inner', [('x', '<f8'), ('y', '|u1')]), ('', '|V7'), \
        ('list', [('x', '<f8'), ('y', '|u1'), ('', '|V7')], (3,)), ('grid', '<i2', (2, 3)), \
        ('', '|V4')]
        """
      ),
      (
        Vectors.self,
        """
        [('two', '|i1', (2,)), ('', '|V14'), ('three', '<f4', (3,)), ('', '|V4'), \
        ('next', '<f4'), ('', '|V12'), \
        ('list', [('lanes', '<f4', (3,)), ('', '|V4')], (2,))]
        """
      ),
      (
        Tuples.self,
        """
        [('pair', [('f0', '|u1'), ('', '|V3'), ('f1', '<f4')]), ('hidden', '<u2'), ('', '|V2')]
        """
      ),
      (`Odd one`.self, "[(\"it's\", '|u1'), ('größe', '|u1')]"),
      (Wide.self, "[('signed', '<i16'), ('unsigned', '<u16')]"),
    ]
  }

  @Test("A layout is described as numpy describes it", arguments: descriptions.indices)
  func description(index: Int) {
    let (type, expected) = Self.descriptions[index]
    func open<Element: Shareable>(_ type: Element.Type) {
      let layout = ElementLayout(of: type)
      #expect(layout.description == expected)
      #expect(layout.byteCount == MemoryLayout<Element>.stride)
    }
    open(type)
  }

  @Test("numpy finds each field where Swift has it")
  func numpy() async throws {
    let layout = ElementLayout(of: Nested.self)
    let result = try await #require(Python.withNumpy).run(
      """
      import numpy
      t = numpy.lib.format.descr_to_dtype(\(layout.description))
      print(t.itemsize, [(n, t.fields[n][1]) for n in t.names],
        [(n, t["list"].base.fields[n][1]) for n in t["list"].base.names], t["list"].base.itemsize)
      """)
    #expect(MemoryLayout<Nested>.stride == 88)
    #expect(
      result.output == """
        88 [('head', 0), ('inner', 8), ('list', 24), ('grid', 72)] [('x', 0), ('y', 8)] 16

        """)
    #expect(MemoryLayout<Nested>.offset(of: \.inner) == 8)
    #expect(MemoryLayout<Nested>.offset(of: \.list) == 24)
    #expect(MemoryLayout<Nested>.offset(of: \.grid) == 72)
  }

  // MARK: - Fingerprints

  /// The same fields, declared elsewhere.
  enum Elsewhere {
    struct Padded: Shareable {
      var a: UInt8
      var b: Double
      var c: UInt16
    }
  }

  struct Swapped: Shareable {
    var a: UInt8
    var c: Double
    var b: UInt16
  }

  struct Signed: Shareable {
    var a: Int8
    var b: Double
    var c: UInt16
  }

  @Test("Structures have the same fingerprint if they have the same fields, and only then")
  func fingerprints() async throws {
    let padded = ElementLayout(of: Padded.self).fingerprint
    #expect(ElementLayout(of: Elsewhere.Padded.self).fingerprint == padded)
    #expect(ElementLayout(of: Swapped.self).fingerprint != padded)
    #expect(ElementLayout(of: Signed.self).fingerprint != padded)
    #expect(
      ElementLayout(of: Int.self).fingerprint == ElementLayout(of: Int64.self).fingerprint)
    #expect(
      ElementLayout(of: Int128.self).fingerprint != ElementLayout(of: UInt128.self).fingerprint)
    // The hash of the text, computed elsewhere.
    let result = try await #require(Python.withNumpy).run(
      """
      h = 0xcbf29ce484222325
      for byte in \"\"\"\(ElementLayout(of: Padded.self).description)\"\"\".encode():
        h = (h ^ byte) * 0x100000001b3 % 2**64
      print(h)
      """)
    #expect(result.output == "\(padded)\n")
  }

  // MARK: - What is refused

  struct Flags: Shareable {
    var count: UInt8
    var enabled: Bool
  }

  struct Particle: Shareable {
    var mass: Double
    var flags: Flags
  }

  enum Colour: UInt8 { case red, green }

  struct WithEnumeration: Shareable { var colours: InlineArray<2, Colour2> }
  struct Colour2: Shareable { var colour: Colour }
  struct WithOptional: Shareable { var limit: Int? }
  struct WithPointer: Shareable { var start: UnsafePointer<Int> }
  struct WithRawPointer: Shareable { var start: UnsafeMutableRawPointer }
  struct WithOpaquePointer: Shareable { var start: OpaquePointer }
  struct WithFunction: Shareable { var call: @convention(c) () -> Void }
  struct WithScalar: Shareable { var character: Unicode.Scalar }
  struct WithReference: Shareable { var object: Unmanaged<AnyObject> }
  struct WithTuple: Shareable { var pair: (Int, Bool) }
  struct Empty: Shareable {}
  struct WithEmpty: Shareable {
    var number: Int
    var empty: Empty
  }
  struct Undeclared { var number: Int }
  struct WithUndeclared: Shareable { var inner: Undeclared }

  static var refusals: [(any Shareable.Type, String)] {
    [
      (Flags.self, "Flags.enabled is Bool; use UInt8"),
      (Particle.self, "Particle.flags.enabled is Bool; use UInt8"),
      (
        WithEnumeration.self,
        "WithEnumeration.colours[0].colour is the enumeration Colour; use an integer"
      ),
      (WithOptional.self, "WithOptional.limit is Optional<Int>; use a value that stands for none"),
      (
        WithPointer.self,
        "WithPointer.start is UnsafePointer<Int>, which leads nowhere in another process; use an offset"
      ),
      (
        WithRawPointer.self,
        "WithRawPointer.start is UnsafeMutableRawPointer, which leads nowhere in another process; use an offset"
      ),
      (
        WithOpaquePointer.self,
        "WithOpaquePointer.start is OpaquePointer, which leads nowhere in another process; use an offset"
      ),
      (
        WithFunction.self,
        "WithFunction.call is @convention(c) () -> (), which means nothing in another process"
      ),
      (
        WithScalar.self,
        "WithScalar.character is Scalar, which does not conform to Shareable"
      ),
      (WithTuple.self, "WithTuple.pair.1 is Bool; use UInt8"),
      (Empty.self, "Empty has no fields"),
      (WithEmpty.self, "WithEmpty.empty has no fields"),
      (
        WithUndeclared.self,
        "WithUndeclared.inner is Undeclared, which does not conform to Shareable"
      ),
      (InlineArray<0, Int>.self, "InlineArray<0, Int> has no elements"),
    ]
  }

  @Test(
    "Types that are not plain data are refused with the path of the field",
    arguments: refusals.indices)
  func refusal(index: Int) {
    let (type, message) = Self.refusals[index]
    func open<Element: Shareable>(_ type: Element.Type) {
      let error = #expect(throws: ElementLayout.Refusal.self) {
        try ElementLayout.layout(
          of: type, path: "\(type)", byteCount: MemoryLayout<Element>.stride)
      }
      #expect(error?.message == message)
    }
    open(type)
  }

  @Test("A reference is refused")
  func reference() {
    let error = #expect(throws: ElementLayout.Refusal.self) {
      try ElementLayout.layout(of: WithReference.self, path: "WithReference", byteCount: 8)
    }
    #expect(error?.message.hasPrefix("WithReference.object") == true)
  }

  @Test("A program that shares an unsuitable type stops with the path of the field")
  func trap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = ElementLayout(of: Particle.self)
    }
    #expect(
      result.says(
        "Particle cannot be shared: Particle.flags.enabled is Bool; use UInt8"))
  }
}

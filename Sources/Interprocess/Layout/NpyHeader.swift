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

/// What a NumPy `.npy` file says about its array, before the numbers begin.
///
/// Such a file begins with `\x93NUMPY`, a version of two bytes, the length of the text that
/// follows, and the text: a dictionary in the syntax of Python with the keys `descr` (the type of
/// the elements), `fortran_order` and `shape`. The elements follow at once.
///
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package struct NpyHeader: Hashable, Sendable {
  /// How many elements lie in each direction, the last one being that of neighbours in memory.
  package var shape: [Int]
  /// How each element lies in memory; no array, as such dimensions are part of the shape.
  package var layout: ElementLayout
  /// Where the first element begins.
  package var dataOffset: Int

  /// The type of the elements as numpy writes it, in the syntax of Python.
  package var dtype: String { layout.description }

  /// The number of elements: the product of the shape.
  package var count: Int { shape.reduce(1, *) }

  /// The bytes of all elements.
  package var dataByteCount: Int { count * layout.byteCount }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Text of that many bytes and dimensions of that number at most; numpy itself reads no more than
  /// 10,000 characters unless told to, and has 64 dimensions.
  static let maximumTextByteCount = 65_535
  static let maximumDimensionCount = 64

  init(shape: [Int], layout: ElementLayout, dataOffset: Int) {
    self.shape = shape
    self.layout = layout
    self.dataOffset = dataOffset
  }

  // MARK: - Reading

  /// Why memory is no array, or none that can be used.
  package enum Problem: Error {
    /// It does not begin as an array does.
    case notAnArray
    /// It contradicts itself or the format, for that reason.
    case corrupted(String)
    /// It ends too early, as it does while it is being written.
    case incomplete(String)
    /// It is an array of a kind that this library does not read.
    case unsupported(expected: String, found: String, remedy: String)
  }

  /// Whether memory begins as an array does.
  package static func isPresent(in memory: borrowing SharedMemory) -> Bool {
    memory.withBytes { prefix(of: $0).starts(with: magic) }
  }

  /// Reads the header of an array, whatever its elements are.
  ///
  /// What is returned has been checked: all elements are within the memory.
  ///
  /// - Throws: `wrongKind` if the memory is no array; `corrupted` if its header or its size make no
  ///   sense; `layoutMismatch` if it is an array of a kind that this library does not read.
  package init(of memory: borrowing SharedMemory) throws(InterprocessError) {
    do throws(Problem) {
      self = try memory.withBytes { bytes throws(Problem) in try NpyHeader(reading: bytes) }
    } catch {
      throw error.interprocessError(name: memory.name)
    }
  }

  /// Reads the header at the beginning of an array's bytes.
  ///
  /// Another process may change the bytes meanwhile: each is copied once.
  package init(reading bytes: RawSpan) throws(Problem) {
    let prefix = Self.prefix(of: bytes)
    guard prefix.starts(with: Self.magic) else {
      let isBeginning = !prefix.isEmpty && Self.magic.starts(with: prefix)
      throw isBeginning ? .incomplete("it ends within its first bytes") : .notAnArray
    }
    guard prefix.count == 12 else { throw .incomplete("it ends before its header") }
    let (textOffset, encoding) = try Self.format(major: prefix[6], minor: prefix[7])
    let lengthBytes = prefix[8..<textOffset]
    let textByteCount = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard textByteCount <= Self.maximumTextByteCount else {
      throw .corrupted(
        """
        its header says that it has \(textByteCount) bytes, and at most \
        \(Self.maximumTextByteCount) are read
        """)
    }
    dataOffset = textOffset + textByteCount
    guard dataOffset <= bytes.byteCount else {
      throw .incomplete("it ends within its header, which has \(dataOffset) bytes")
    }
    let text = Self.copy(bytes.extracting(textOffset..<dataOffset))

    let fields = try Self.fields(of: Self.literal(text, encoding: encoding))
    shape = fields.shape
    layout = try Self.layout(ofArray: fields.dtype)
    try check(byteCount: bytes.byteCount)
    // Where there is but one direction, both orders are the same.
    if fields.isFortranOrder && shape.count(where: { $0 > 1 }) > 1 && count > 0 {
      throw .unsupported(
        expected: "C order", found: "Fortran order",
        remedy: "Save it with `numpy.ascontiguousarray(array)`.")
    }
  }

  /// Sees to it that all elements are within so many bytes.
  private func check(byteCount: Int) throws(Problem) {
    // The product without its zeros: numpy, too, has no array with such a shape.
    guard let nonzeroByteCount = Self.byteCount(of: shape.filter { $0 > 0 }, layout) else {
      throw .corrupted(
        "no memory can hold elements in the shape \(ElementLayout.text(of: shape))")
    }
    let needed = shape.contains(0) ? 0 : nonzeroByteCount
    guard needed <= byteCount - dataOffset else {
      throw .incomplete(
        """
        it has \(byteCount - dataOffset) bytes behind its header, and elements in the shape \
        \(ElementLayout.text(of: shape)) take \(needed)
        """)
    }
  }

  /// The bytes of elements in a shape; `nil` if that is no number.
  static func byteCount(of shape: [Int], _ layout: ElementLayout) -> Int? {
    var byteCount = layout.byteCount
    for extent in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      byteCount = product
    }
    return byteCount
  }

  /// Where the text begins in a version of the format, and how it is stored.
  private static func format(
    major: UInt8, minor: UInt8
  ) throws(Problem) -> (textOffset: Int, encoding: PythonLiteral.Encoding) {
    switch (major, minor) {
    case (1, 0): return (10, .latin1)
    case (2, 0): return (12, .latin1)
    case (3, 0): return (12, .utf8)
    default:
      throw .unsupported(
        expected: "version 1.0, 2.0 or 3.0 of the format", found: "version \(major).\(minor)",
        remedy: "Save it with `numpy.save`.")
    }
  }

  private static func literal(
    _ text: [UInt8], encoding: PythonLiteral.Encoding
  ) throws(Problem) -> PythonLiteral {
    do {
      return try PythonLiteral(text, encoding: encoding)
    } catch {
      throw .corrupted("its header \(error.reason)")
    }
  }

  /// What the dictionary says, with the type as it is written.
  private static func fields(
    of literal: PythonLiteral
  ) throws(Problem) -> (dtype: PythonLiteral, shape: [Int], isFortranOrder: Bool) {
    guard case .dictionary(let entries) = literal else {
      throw .corrupted("its header is no dictionary")
    }
    var (dtype, shape, isFortranOrder): (PythonLiteral?, [Int]?, Bool?)
    for entry in entries {
      switch (entry.key, entry.value) {
      case ("descr", let value) where dtype == nil: dtype = value
      case ("shape", let value) where shape == nil: shape = try self.shape(of: value)
      case ("fortran_order", .boolean(let value)) where isFortranOrder == nil:
        isFortranOrder = value
      default:
        throw .corrupted("the value of \(quoted(entry.key)) in its header has no place there")
      }
    }
    guard let dtype, let shape, let isFortranOrder else {
      throw .corrupted("its header lacks one of 'descr', 'fortran_order' and 'shape'")
    }
    return (dtype, shape, isFortranOrder)
  }

  /// Text of the header, which may be of any length and contain anything, for a message.
  static func quoted(_ text: String) -> String {
    ElementLayout.quoted(String(text.unicodeScalars.prefix(40)))
  }

  // MARK: - Bytes

  /// The bytes that tell where the text begins and how long it is, as many of them as there are.
  private static func prefix(of bytes: RawSpan) -> [UInt8] {
    copy(bytes.extracting(first: 12))
  }

  private static func copy(_ bytes: RawSpan) -> [UInt8] {
    // SAFETY: the buffer is used only here, and its bytes are copied, each of them once.
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}

extension NpyHeader.Problem {
  /// The error for a segment of that name.
  func interprocessError(name: String) -> InterprocessError {
    let segment = "Shared memory \"\(name)\""
    switch self {
    case .notAnArray:
      return InterprocessError(
        code: .wrongKind(expected: "a NumPy array", found: "other bytes"), name: name,
        message: """
          \(segment) is no NumPy array: it does not begin as a .npy file does. Attach to it as \
          what it is, for instance as plain `SharedMemory`.
          """)
    case .corrupted(let reason), .incomplete(let reason):
      return InterprocessError(
        code: .corrupted(reason), name: name,
        message: "\(segment) is a broken NumPy array: \(reason). Remove it and make it anew.")
    case .unsupported(let expected, let found, let remedy):
      return InterprocessError(
        code: .layoutMismatch(expected: expected, found: found), name: name,
        message: """
          \(segment) is a NumPy array with \(found), and this library reads \(expected). \(remedy)
          """)
    }
  }
}

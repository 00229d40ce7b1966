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

internal import CInterprocess

/// The bytes of a segment header: the same fields as `ipc_segment_header` in C, under the same
/// names.
///
/// The C structure itself is not known to be bitwise copyable, and so cannot be shareable.
struct RawSegmentHeader: Shareable {
  var magic: InlineArray<8, UInt8>
  var version: UInt32
  var kind: UInt32
  var byte_order: UInt32
  var word_byte_count: UInt32
  var byte_count: UInt64
  var capacity: UInt64
  var element_size: UInt64
  var element_stride: UInt64
  var element_alignment: UInt64
  var fingerprint: UInt64
  var content_offset: UInt64
  var description_byte_count: UInt64
  var reserved: InlineArray<5, UInt64>
}

/// The beginning of every structured segment, as far as it is checked and used.
///
/// It never changes once the segment has its name, and nothing that another process may have
/// written into it is trusted.
package struct SegmentHeader {
  static let magic = Array(IPC_MAGIC.utf8)
  static let byteCount = MemoryLayout<RawSegmentHeader>.size
  /// The offset of the content is a multiple of this: two cache lines.
  static let contentAlignment = Int(IPC_CONTENT_ALIGNMENT)
  /// The longest description, so that a forged length costs nothing.
  static let maximumDescriptionByteCount = 64 << 10

  /// The value found; perhaps of a kind that this version does not know.
  var kind: UInt32
  var capacity: Int
  var elementByteCount: Int
  var elementStride: Int
  var elementAlignment: Int
  var fingerprint: UInt64
  var contentOffset: Int
  /// The dtype of an element.
  var description: String

  // MARK: - Writing

  /// The offset of the content, after the header and a description.
  static func contentOffset(of layout: ElementLayout) -> Int {
    let end = byteCount + layout.description.utf8.count
    return (end + contentAlignment - 1) / contentAlignment * contentAlignment
  }

  /// Writes the header of a segment of elements of one type.
  ///
  /// - Precondition: The description of the type is no longer than the limit for reading.
  static func write<Element: Shareable>(
    _ kind: any SegmentKind.Type, of type: Element.Type, layout: ElementLayout, capacity: Int,
    to bytes: inout MutableRawSpan
  ) {
    let description = Array(layout.description.utf8)
    precondition(
      description.count <= maximumDescriptionByteCount, "The type has too many fields to describe")
    let header = RawSegmentHeader(
      magic: InlineArray { magic[$0] }, version: UInt32(IPC_LAYOUT_VERSION), kind: kind.number,
      byte_order: UInt32(IPC_BYTE_ORDER), word_byte_count: UInt32(MemoryLayout<Int>.size),
      byte_count: UInt64(bytes.byteCount), capacity: UInt64(capacity),
      element_size: UInt64(MemoryLayout<Element>.size),
      element_stride: UInt64(MemoryLayout<Element>.stride),
      element_alignment: UInt64(MemoryLayout<Element>.alignment), fingerprint: layout.fingerprint,
      content_offset: UInt64(contentOffset(of: layout)),
      description_byte_count: UInt64(description.count), reserved: InlineArray(repeating: 0))
    bytes.storeBytes(of: header, as: RawSegmentHeader.self)
    for (index, byte) in description.enumerated() {
      bytes.storeBytes(of: byte, toByteOffset: byteCount + index, as: UInt8.self)
    }
  }

  // MARK: - Reading

  /// The name of a kind; `nil` for a number that this version does not know.
  static func name(ofKind number: UInt32) -> String? {
    // SAFETY: a string literal of C.
    unsafe ipc_kind_name(number).map { unsafe String(cString: $0) }
  }

  /// The number of a structured segment's kind; `nil` if its header has another version.
  ///
  /// - Precondition: `isPresent(in: memory)`.
  static func kindNumber<Bytes: SegmentBytes & ~Copyable>(of memory: borrowing Bytes) -> UInt32? {
    let found = memory.loadUnaligned(at: 0, as: RawSegmentHeader.self)
    return hasOwnVersion(found) ? found.kind : nil
  }

  private static func hasOwnVersion(_ found: RawSegmentHeader) -> Bool {
    found.version == IPC_LAYOUT_VERSION && found.byte_order == IPC_BYTE_ORDER
      && found.word_byte_count == MemoryLayout<Int>.size
  }

  /// Whether memory begins like a structured segment.
  static func isPresent<Bytes: SegmentBytes & ~Copyable>(in memory: borrowing Bytes) -> Bool {
    guard memory.byteCount >= byteCount else { return false }
    return magic.indices.allSatisfy {
      memory.loadUnaligned(at: $0, as: UInt8.self) == magic[$0]
    }
  }

  /// Reads the header of a structured segment, and checks all that does not depend on its kind.
  ///
  /// - Throws: `unsupportedVersion` and `corrupted`.
  /// - Precondition: `isPresent(in: memory)`.
  init<Bytes: SegmentBytes & ~Copyable>(_ memory: borrowing Bytes) throws(InterprocessError) {
    let found = memory.loadUnaligned(at: 0, as: RawSegmentHeader.self)
    guard Self.hasOwnVersion(found) else {
      throw InterprocessError(
        code: .unsupportedVersion, name: memory.name,
        message: """
          Shared memory "\(memory.name)" has version \(found.version) of the layout, for words of \
          \(found.word_byte_count) bytes in the order \
          \(String(found.byte_order, radix: 16)); this library reads version \
          \(IPC_LAYOUT_VERSION), \(MemoryLayout<Int>.size) and \
          \(String(IPC_BYTE_ORDER, radix: 16)). Create it again with the version that all its \
          users have.
          """)
    }
    guard let byteCount = Int(exactly: found.byte_count), byteCount == memory.byteCount else {
      throw .corrupted(
        memory.name,
        "its header says \(found.byte_count) bytes, and it has \(memory.byteCount)")
    }
    guard let descriptionByteCount = Int(exactly: found.description_byte_count),
      let contentOffset = Int(exactly: found.content_offset),
      descriptionByteCount <= Self.maximumDescriptionByteCount,
      contentOffset.isMultiple(of: Self.contentAlignment), contentOffset <= byteCount,
      // The sum cannot overflow: the description is short.
      Self.byteCount + descriptionByteCount <= contentOffset
    else {
      throw .corrupted(
        memory.name,
        """
        its content lies at \(found.content_offset), after a description of \
        \(found.description_byte_count) bytes
        """)
    }
    guard let capacity = Int(exactly: found.capacity),
      let elementByteCount = Int(exactly: found.element_size),
      let elementStride = Int(exactly: found.element_stride),
      let elementAlignment = Int(exactly: found.element_alignment)
    else {
      throw .corrupted(memory.name, "its header has numbers that no segment can have")
    }
    kind = found.kind
    self.capacity = capacity
    self.elementByteCount = elementByteCount
    self.elementStride = elementStride
    self.elementAlignment = elementAlignment
    fingerprint = found.fingerprint
    self.contentOffset = contentOffset
    let bytes = (0..<descriptionByteCount).map {
      memory.loadUnaligned(at: Self.byteCount + $0, as: UInt8.self)
    }
    description = String(decoding: bytes, as: UTF8.self)
    guard fingerprint == ElementLayout.fingerprint(ofDescription: bytes) else {
      throw .corrupted(
        memory.name,
        "its header describes elements as \(description), and has the fingerprint of others")
    }
  }

  /// Reads the header of a segment that must be of one kind, with elements of one type.
  ///
  /// - Throws: `wrongKind`, `layoutMismatch`, `unsupportedVersion` and `corrupted`.
  static func read<Element: Shareable, Bytes: SegmentBytes & ~Copyable>(
    _ kind: any SegmentKind.Type, of type: Element.Type, from memory: borrowing Bytes
  ) throws(InterprocessError) -> SegmentHeader {
    guard isPresent(in: memory) else {
      throw .wrongKind(memory.name, expected: kind.description, found: "memory without a header")
    }
    let header = try SegmentHeader(memory)
    guard header.kind == kind.number else {
      let found = name(ofKind: header.kind).map { "a shared \($0)" } ?? "of kind \(header.kind)"
      throw .wrongKind(memory.name, expected: kind.description, found: found)
    }
    let layout = ElementLayout(of: type)
    guard header.fingerprint == layout.fingerprint,
      header.elementByteCount == MemoryLayout<Element>.size,
      header.elementStride == MemoryLayout<Element>.stride,
      header.elementAlignment == MemoryLayout<Element>.alignment
    else {
      var (expected, found) = (layout.description, header.description)
      if expected == found {
        expected += text(
          size: MemoryLayout<Element>.size, stride: MemoryLayout<Element>.stride,
          alignment: MemoryLayout<Element>.alignment)
        found += text(
          size: header.elementByteCount, stride: header.elementStride,
          alignment: header.elementAlignment)
      }
      throw .layoutMismatch(memory.name, type: "\(type)", expected: expected, found: found)
    }
    return header
  }

  /// What distinguishes elements whose dtypes are the same.
  private static func text(size: Int, stride: Int, alignment: Int) -> String {
    " of \(size) bytes with a stride of \(stride) and an alignment of \(alignment)"
  }

  /// Checks that the content lies within the memory.
  ///
  /// - Parameter byteCount: The bytes of the content; `nil` if no memory holds them.
  /// - Throws: `corrupted`.
  func checkRoom<Bytes: SegmentBytes & ~Copyable>(
    for byteCount: Int?, in memory: borrowing Bytes
  ) throws(InterprocessError) {
    let room = memory.byteCount - contentOffset
    guard let byteCount, byteCount <= room else {
      throw .corrupted(
        memory.name,
        """
        its header says a capacity of \(capacity) and elements of \(elementByteCount) bytes, and \
        there is room for \(room)
        """)
    }
  }
}

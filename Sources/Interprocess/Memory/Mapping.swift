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

internal import SystemPackage

/// An open file of shared memory and the range of it that is mapped into this process.
///
/// Both end with the life of the value, and perhaps the name of temporary memory with them. This is
/// the only type that owns a mapping. All other code asks its range for checked positions.
struct Mapping: ~Copyable, Sendable {
  /// What is mapped; it changes only where the value is mutated.
  private(set) var range: MappedRange
  /// How many bytes of addresses are taken: more than the range has while the file grows.
  private var mappedByteCount: Int
  private let file: OpenFile
  /// The name that goes with the last handle, for temporary memory.
  private(set) var temporaryName: TemporaryName?
  let waitChoice = WaitChoice()

  /// The file, which holds the lease.
  var descriptor: Descriptor { _read { yield file.descriptor } }

  init(
    _ descriptor: consuming Descriptor, byteCount: Int, writable: Bool
  ) throws(Errno) {
    let start = unsafe try MemoryMap.map(descriptor, byteCount: byteCount, writable: writable)
    range = unsafe MappedRange(start: start, byteCount: byteCount, isWritable: writable)
    mappedByteCount = byteCount
    file = OpenFile(descriptor)
  }

  /// Maps a file, and translates an error.
  static func make(
    _ descriptor: consuming Descriptor, byteCount: Int, writable: Bool,
    translatingErrors translate: (Errno) -> InterprocessError
  ) throws(InterprocessError) -> Mapping {
    do {
      return try Mapping(descriptor, byteCount: byteCount, writable: writable)
    } catch {
      throw translate(error)
    }
  }

  deinit {
    // First, so that a process that checks whether the memory is still mapped does not find it so.
    unsafe MemoryMap.unmap(range.start, byteCount: mappedByteCount, of: descriptor)
    temporaryName?.giveUp()
  }

  /// States that the file has this name for as long as handles are open.
  mutating func hold(_ name: SegmentName, _ identity: FileIdentity) {
    temporaryName = TemporaryName(name, identity, of: file, isWritable: range.isWritable)
  }

  /// Gives up the lease, and with the last one a temporary name; the mapping stays.
  func giveUp() {
    if let temporaryName {
      temporaryName.giveUp()
    } else if descriptor.isOfThisProcess {
      // A failure leaves a lease that goes with the descriptor.
      try? Lease.drop(on: descriptor)
    }
  }

  /// Takes addresses for more of the file, which need not have that size yet.
  ///
  /// The range keeps its size; its address may change.
  mutating func takeAddresses(for newByteCount: Int) throws(Errno) {
    let start = unsafe try MemoryMap.resize(
      range.start, from: mappedByteCount, to: newByteCount, of: descriptor)
    mappedByteCount = newByteCount
    range = unsafe MappedRange(
      start: start, byteCount: range.byteCount, isWritable: range.isWritable)
  }

  /// Makes the range as large as the file has become; its addresses are already taken.
  mutating func extend(to newByteCount: Int) {
    precondition(newByteCount <= mappedByteCount, "No addresses are taken for that size")
    range = unsafe MappedRange(
      start: range.start, byteCount: newByteCount, isWritable: range.isWritable)
  }

  /// Fills bytes past the range with zeros; their addresses are taken, and they lie on the last
  /// page of the file.
  mutating func clear(_ bytes: Range<Int>) {
    precondition(range.isWritable && bytes.upperBound <= mappedByteCount)
    // SAFETY: the addresses are mapped, and are not used until the range includes them.
    unsafe (range.start + bytes.lowerBound)
      .initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count)
  }

  /// All bytes, for writing.
  var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      let start = unsafe range.mutablePointer(at: 0, byteCount: range.byteCount)
      // SAFETY: the range is mapped until `deinit`; the borrow of `self` delays that, and rules out
      // other views of it.
      let span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: range.byteCount)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}

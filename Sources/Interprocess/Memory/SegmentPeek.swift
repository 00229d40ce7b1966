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

package import SystemPackage

/// Memory that is only looked at, through its file.
///
/// Nothing is mapped and no lease is taken. So a process that looks does not count as a user of the
/// memory, can look at stale memory, takes no page of it, and survives if the memory becomes
/// smaller meanwhile; and the name may be removed at any time.
package final class SegmentPeek {
  /// The name, without a leading slash; with replacement characters if it is not UTF-8.
  package let name: String
  /// The size in bytes when it was opened.
  package let byteCount: Int
  /// Who may read and write it.
  package let permissions: FilePermissions
  let identity: FileIdentity
  let descriptor: Descriptor

  /// Recently read pieces, as readers of tables read in small steps.
  private var windows: [(range: Range<Int>, bytes: [UInt8])] = []
  private static let windowCount = 4
  private static let windowByteCount = 4096

  /// Why a read failed for which readers got zeros.
  private(set) var failure: InterprocessError?

  /// Opens memory to look at it.
  ///
  /// - Throws: What attaching throws: `notFound`, `permissionDenied`, `foreignOwner`, `wrongKind`,
  ///   `invalidName`, `system`, and `invalidSize` if it has no size yet.
  /// - Parameter nameBytes: The name, which need not be UTF-8.
  package convenience init(
    _ nameBytes: [UInt8], owner: SharedMemory.Owner
  ) throws(InterprocessError) {
    let name = try SegmentName(bytes: nameBytes)
    try self.init(name: name, owner: owner)
    if byteCount == 0 { throw .empty(name) }
  }

  /// The same as the other initialiser, but accepts a file without a size.
  init(name: SegmentName, owner: SharedMemory.Owner) throws(InterprocessError) {
    func translate(_ errno: Errno) -> InterprocessError {
      .attaching(name, access: .readOnly, errno)
    }
    let opened = try translating(translate) { () throws(Errno) in
      try Files.openIfPresent(name.bytes, in: SegmentName.directory)
    }
    guard let descriptor = opened else { throw .notFound(name) }
    let status = try translating(translate) { () throws(Errno) in
      try Files.status(of: descriptor)
    }
    guard status.kind == .regular else { throw .wrongKind(name, found: status.kind) }
    guard owner == .anyone || status.userID == Credentials.effectiveUserID || status.userID == 0
    else { throw .foreignOwner(name, userID: status.userID) }
    self.name = name.value
    byteCount = status.byteCount
    permissions = FilePermissions(rawValue: status.mode & 0o777)
    identity = status.identity
    self.descriptor = descriptor
  }

  /// Whether a handle is on the same memory.
  package func isLookingAt(_ memory: borrowing SharedMemory) -> Bool {
    identity == memory.identity
  }

  /// Whether this is the file of the memory.
  package func isFile(device: UInt, inode: UInt) -> Bool {
    identity == FileIdentity(device: UInt64(device), inode: UInt64(inode))
  }

  // MARK: - Reading

  /// A copy of the bytes as they are now.
  ///
  /// - Throws: `invalidSize` if the memory has become smaller; `system`.
  /// - Precondition: The range lies within the memory.
  package func bytes(in range: Range<Int>) throws(InterprocessError) -> [UInt8] {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount,
      "Offset out of range of the shared memory")
    let bytes: [UInt8]
    do {
      bytes = try Files.bytes(in: range, of: descriptor)
    } catch {
      throw .system(error, name: name, action: "read shared memory \"\(name)\"")
    }
    guard bytes.count == range.count else { throw .changed(name) }
    return bytes
  }

  /// The first part of a range that has been written; `nil` if none has.
  ///
  /// The rest is zeros that take no memory.
  /// - Throws: `invalidSize` if the memory has become smaller; `system`.
  package func data(in range: Range<Int>) throws(InterprocessError) -> Range<Int>? {
    let (data, size): (Range<Int>?, Int)
    do {
      data = try Files.data(in: range, of: descriptor)
      // To the system, what lies past the end of a file is also a hole.
      size =
        data?.lowerBound == range.lowerBound
        ? byteCount : try Files.status(of: descriptor).byteCount
    } catch {
      throw .system(error, name: name, action: "look for what has been written in \"\(name)\"")
    }
    guard size >= byteCount else { throw .changed(name) }
    return data
  }

  /// The same for readers of tables: they get zeros for what cannot be read, and check `failure` at
  /// the end.
  ///
  /// - Parameter isFresh: Whether to read again what has been read a moment ago.
  func bytesOrZeros(_ range: Range<Int>, isFresh: Bool) -> ArraySlice<UInt8> {
    if !isFresh, let window = windows.first(where: { $0.range.contains(range) }) {
      let start = range.lowerBound - window.range.lowerBound
      return window.bytes[start..<start + range.count]
    }
    do throws(InterprocessError) {
      let isLong = isFresh || range.count > Self.windowByteCount
      let end =
        isLong ? range.upperBound : min(range.lowerBound + Self.windowByteCount, byteCount)
      let bytes = try bytes(in: range.lowerBound..<max(end, range.upperBound))
      if !isLong {
        if windows.count == Self.windowCount { windows.removeFirst() }
        windows.append((range.lowerBound..<end, bytes))
      }
      return bytes.prefix(range.count)
    } catch {
      failure = error
      return ArraySlice(repeating: 0, count: range.count)
    }
  }

  /// Throws if readers have got zeros instead of the real bytes.
  func checkWhole() throws(InterprocessError) {
    if let failure { throw failure }
  }
}

extension InterprocessError {
  static func changed(_ name: String) -> InterprocessError {
    InterprocessError(
      code: .invalidSize, name: name,
      message: "Shared memory \"\(name)\" became smaller while it was looked at. Look again.")
  }
}

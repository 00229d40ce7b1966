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

/// A name that the library gives to a file in `/dev/shm` beside, or instead of, the public one.
///
/// It is `.swift-PURPOSE.TOKEN.INODE.NAME`: a random token of 64 bits, so that no process can take
/// the name beforehand; the inode of the file that is meant; and the public name. All parts but the
/// token serve to understand what a killed process has left.
struct HiddenName {
  enum Purpose: String, CaseIterable {
    /// The file lies here between the move and the removal of its name. If another file lies here,
    /// it was moved by mistake, and belongs back under its name.
    case removing
    /// The file keeps this name, so that it can get its public name back.
    case guarding = "guard"
    /// The file has no other name yet, on a system that cannot name a file created without one.
    /// Without a lease, it was left by a creator that was killed.
    case new
  }

  let purpose: Purpose
  /// 0 if it was not known yet.
  let inode: UInt64
  /// `nil` if the file had no name, or if its name would make this one too long.
  let original: SegmentName?
  let path: String

  /// A name that cannot be guessed.
  ///
  /// - Parameter original: Left out if the name would be too long with it.
  init(_ purpose: Purpose, of original: SegmentName?, inode: UInt64) {
    let token = String(UInt64.random(in: .min ... .max), radix: 16)
    let prefix = ".swift-\(purpose.rawValue).\(token).\(inode)."
    let byteCount = prefix.utf8.count + (original?.bytes.count ?? 0)
    let isShort = byteCount <= SegmentName.maximumByteCount
    self.purpose = purpose
    self.inode = inode
    self.original = isShort ? original : nil
    path = "\(SegmentName.directory)/\(prefix)\(self.original?.value ?? "")"
  }

  /// `nil` if it is not such a name.
  init?(_ name: SegmentName) {
    // Most names are not hidden ones; parsing them would cost time.
    guard name.bytes.starts(with: ".swift-".utf8) else { return nil }
    let parts = name.bytes.split(
      separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0].isEmpty,
      let purpose = Purpose.allCases.first(where: {
        parts[1].elementsEqual("swift-\($0.rawValue)".utf8)
      }),
      UInt64(String(decoding: parts[2], as: UTF8.self), radix: 16) != nil,
      let inode = UInt64(String(decoding: parts[3], as: UTF8.self))
    else { return nil }
    let original = try? SegmentName(bytes: Array(parts[4]))
    if original == nil && !parts[4].isEmpty { return nil }
    self.purpose = purpose
    self.inode = inode
    self.original = original
    path = name.path
  }

  /// The names that guard another name of a file.
  ///
  /// - Parameters:
  ///   - status: What is known of the file. With a single link there is nothing to look for.
  ///   - isNameGone: Whether the other name no longer leads to the file, so that a single link may
  ///     be a guard.
  /// - Complexity: Linear in the number of names in the directory.
  static func guards(
    of name: SegmentName, _ status: Files.Status, isNameGone: Bool = false
  ) throws(Errno) -> [HiddenName] {
    guard status.linkCount > (isNameGone ? 0 : 1) else { return [] }
    var guards: [HiddenName] = []
    for bytes in try Files.names(in: SegmentName.directory) {
      guard let hidden = SegmentName(fileName: bytes).flatMap({ HiddenName($0) }),
        hidden.purpose == .guarding, hidden.original == name,
        hidden.inode == status.identity.inode,
        try Files.statusIfPresent(at: hidden.path)?.identity == status.identity
      else { continue }
      guards.append(hidden)
    }
    return guards
  }
}

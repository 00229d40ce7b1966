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
internal import Glibc
internal import SystemPackage

// Checking whether a file is open elsewhere, and opening one that its owner may not write.
extension Files {
  /// Asks the kernel whether the file is open or mapped elsewhere: in any process, visible in
  /// `/proc` or not, also in another container, or through a descriptor in transit through a
  /// socket.
  ///
  /// - Returns: `nil` if the kernel does not say: to a user other than the owner, on a file system
  ///   other than tmpfs, or if it has no leases.
  static func isOpenElsewhere(_ descriptor: borrowing Descriptor) -> Bool? {
    switch ipc_is_open_elsewhere(descriptor.fd) {
    case 1: true
    // An overlay maps the underlying file, which the lease does not cover.
    case 0: ipc_is_in_tmpfs(descriptor.fd) == 1 ? false : nil
    default: nil
    }
  }

  /// Opens a file, waiting while other processes ask whether it is open elsewhere.
  ///
  /// For the moment of their question, they hold a lease, during which opening without blocking
  /// fails. Other programs may hold one for longer, up to the 45 s that the kernel allows; this
  /// does not wait for those.
  static func waitingForLookers(
    _ open: () throws(Errno) -> Descriptor
  ) throws(Errno) -> Descriptor {
    var attemptsLeft = 200
    while true {
      do {
        return try open()
      } catch {
        guard error == .resourceTemporarilyUnavailable, attemptsLeft > 0 else { throw error }
        attemptsLeft -= 1
        pause(for: .milliseconds(1))
      }
    }
  }

  /// Whether an access list lets more users open the file than its mode does; `true` if that cannot
  /// be read.
  static func hasAccessList(_ descriptor: borrowing Descriptor) -> Bool {
    ipc_has_access_list(descriptor.fd) != 0
  }

  /// Opens the file called `name` in `directory` for reading, to query its locks.
  ///
  /// - Parameter identity: The regular file that was seen there; `ESTALE` if it is now another one.
  static func openToAsk(
    _ name: [UInt8], in directory: String, identity: FileIdentity
  ) throws(Errno) -> Descriptor {
    let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let path = (Array("\(directory)/".utf8) + name + [0]).map { CChar(bitPattern: $0) }
    let descriptor = try waitingForLookers { () throws(Errno) in
      try Descriptor(isWritable: false) { unsafe Glibc.open(path, flags) }
    }
    guard try status(of: descriptor).identity == identity else { throw .staleNFSFileHandle }
    return descriptor
  }

  // MARK: - As the owner

  /// Opens temporary memory of this user for reading and writing, as a claim needs it, even if its
  /// mode does not let its owner do so.
  ///
  /// The mode is widened for that moment. Only the owner's own bits change, which the owner may
  /// change anyway, so no other user can do more than before. A process killed in between leaves
  /// memory that its owner may read and write, and that the next claim opens without this. A
  /// process that finds the mode already widened opens the file as it is, and restores nothing.
  ///
  /// - Parameter identity: The file that was seen at `path`.
  /// - Throws: `EACCES` if the file belongs to another user or is lasting; `ESTALE` if another file
  ///   now lies there.
  static func openWidened(_ path: String, identity: FileIdentity) throws(Errno) -> Descriptor {
    // Two processes that do this at once may each restore the mode before the other has opened the
    // file.
    for _ in 0..<10 {
      let flags = ipc_O_PATH | O_NOFOLLOW | O_CLOEXEC
      let file = try Descriptor(isWritable: false) { unsafe Glibc.open(path, flags) }
      let status = try status(of: file)
      guard status.identity == identity else { throw .staleNFSFileHandle }
      guard status.kind == .regular && status.isTemporary,
        status.userID == Credentials.effectiveUserID
      else { throw .permissionDenied }
      let widened = status.mode | S_IRUSR | S_IWUSR
      if widened != status.mode { try retryingInterrupts { ipc_set_mode(file.fd, widened) } }
      defer {
        // Not if another process has set another mode meanwhile.
        if widened != status.mode, (try? Self.status(of: file))?.mode == widened {
          _ = ipc_set_mode(file.fd, status.mode)
        }
      }
      do throws(Errno) {
        let opened = try open(path, writable: true)
        guard try Self.status(of: opened).identity == identity else { throw .staleNFSFileHandle }
        return opened
      } catch {
        if error != .permissionDenied { throw error }
      }
    }
    throw .permissionDenied
  }

  /// Opens a descriptor's file for a claim, by `openWidened` if reopening fails.
  ///
  /// - Parameter path: Where the file was.
  static func reopenForClaim(
    _ descriptor: borrowing Descriptor, at path: String, identity: FileIdentity
  ) throws(Errno) -> Descriptor {
    do {
      return try reopen(descriptor, writable: true)
    } catch {
      switch error {
      case .permissionDenied: return try openWidened(path, identity: identity)
      case .noSuchFileOrDirectory:
        // There is no `/proc` here.
        let opened = try open(path, writable: true)
        guard try status(of: opened).identity == identity else { throw .staleNFSFileHandle }
        return opened
      default: throw error
      }
    }
  }
}

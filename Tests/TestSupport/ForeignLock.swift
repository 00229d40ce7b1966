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

/// A lock on bytes of a file that is not one of the library's.
package struct ForeignLock: Sendable, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    case shared = "LOCK_SH"
    case exclusive = "LOCK_EX"
  }

  package var kind: Kind
  package var start: Int
  /// The number of bytes; 0 for all that follow.
  package var count: Int
  /// Whether the lock belongs to the open file description, as those of the library do.
  package var isOfDescription: Bool

  package init(_ kind: Kind, start: Int = 0, count: Int = 0, isOfDescription: Bool = false) {
    self.kind = kind
    self.start = start
    self.count = count
    self.isOfDescription = isOfDescription
  }

  package var description: String {
    "\(kind.rawValue)\(isOfDescription ? " of a description" : "") \(start) \(count)"
  }
}

extension Python {
  /// Makes a Python process hold a lock while the body runs, or until the process gets a line,
  /// which it answers with `unlocked`.
  ///
  /// - Parameters:
  ///   - lock: The lock.
  ///   - path: The file.
  ///   - place: Where the process sees a `/dev/shm` other than that of this process.
  package func withLock<Result: Sendable>(
    _ lock: ForeignLock, on path: String, in place: PrivateSharedMemory? = nil,
    _ body: (ChildProcess) async throws -> Result
  ) async throws -> Result {
    let arguments = [
      "-u", "-c", Self.locker, path, lock.kind.rawValue, "\(lock.start)", "\(lock.count)",
      lock.isOfDescription ? "description" : "process",
    ]
    func use(_ child: ChildProcess) async throws -> Result {
      guard try await child.nextLine() == "locked" else { throw CannotLock() }
      return try await body(child)
    }
    return if let place {
      try await place.withChildProcess(self.path, arguments, use).result
    } else {
      try await withChildProcess(self.path, arguments, use).result
    }
  }

  private struct CannotLock: Error {}

  private static let locker = """
    import fcntl, struct, sys

    path, kind, start, count, owner = sys.argv[1:]
    start, count = int(start), int(count)
    F_OFD_SETLK = 37
    with open(path, "r+b", buffering=0) as file:
        def lock(kind, type):
            if owner == "description":
                fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi", type, 0, start, count, 0))
            else:
                fcntl.lockf(file, kind, count, start)

        shared = kind == "LOCK_SH"
        lock(getattr(fcntl, kind) | fcntl.LOCK_NB, fcntl.F_RDLCK if shared else fcntl.F_WRLCK)
        print("locked")
        if sys.stdin.readline():
            lock(fcntl.LOCK_UN, fcntl.F_UNLCK)
            print("unlocked")
            sys.stdin.readline()
    """
}

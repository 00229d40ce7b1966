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

internal import Glibc
internal import SystemPackage
internal import TestFork

/// Makes the system refuse calls to this process, as a container or an older kernel does.
enum Refusal {
  /// - Parameter words: Pairs of a call and an error number: `ofd EPERM renameat2 ENOSYS`. `deny.c`
  ///   lists the calls.
  static func install(_ words: [String]) {
    for (name, error) in zip(words.everySecond, words.dropFirst().everySecond) {
      guard let number = numbers[error] else { fatalError("Unknown error number \(error)") }
      guard ipctest_deny(name, number) == 0 else {
        fatalError("Cannot refuse \(name): \(Errno(rawValue: errno))")
      }
    }
  }

  /// Replaces this process by another program under refusals.
  ///
  /// - Parameter arguments: The words of `install`, then `--`, the program and its arguments.
  static func run(_ arguments: [String]) -> Never {
    guard let end = arguments.firstIndex(of: "--") else { fatalError("No -- and no program") }
    install(Array(arguments[..<end]))
    let program = arguments[(end + 1)...].map { strdup($0) }
    execvp(arguments[end + 1], program + [nil])
    fatalError("Cannot run \(arguments[end + 1]): \(Errno(rawValue: errno))")
  }

  private static let numbers: [String: CInt] = [
    "EACCES": EACCES, "EINTR": EINTR, "EINVAL": EINVAL, "EISDIR": EISDIR, "EMFILE": EMFILE,
    "ENOLCK": ENOLCK, "ENOMEM": ENOMEM, "ENOSPC": ENOSPC, "ENOSYS": ENOSYS, "ENOTSUP": ENOTSUP,
    "EOPNOTSUPP": EOPNOTSUPP, "EPERM": EPERM,
  ]
}

extension Collection<String> {
  fileprivate var everySecond: [String] {
    enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
  }
}

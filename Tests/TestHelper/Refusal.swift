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

internal import ArgumentParser
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

  private static let numbers: [String: CInt] = [
    "EACCES": EACCES, "EINTR": EINTR, "EINVAL": EINVAL, "EISDIR": EISDIR, "EMFILE": EMFILE,
    "ENOLCK": ENOLCK, "ENOMEM": ENOMEM, "ENOSPC": ENOSPC, "ENOSYS": ENOSYS, "ENOTSUP": ENOTSUP,
    "EOPNOTSUPP": EOPNOTSUPP, "EPERM": EPERM,
  ]
}

/// Replaces this process by another program under refusals.
struct Deny: ParsableCommand {
  /// The words of `Refusal.install`, then `--`, the program and its arguments.
  @Argument(parsing: .captureForPassthrough) var words: [String]

  func run() {
    guard let end = words.firstIndex(of: "--") else { fatalError("No -- and no program") }
    Refusal.install(Array(words[..<end]))
    let program = words[(end + 1)...].map { strdup($0) }
    execvp(words[end + 1], program + [nil])
    fatalError("Cannot run \(words[end + 1]): \(Errno(rawValue: errno))")
  }
}

extension Collection<String> {
  fileprivate var everySecond: [String] {
    enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
  }
}

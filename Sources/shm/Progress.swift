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

import Glibc
import SystemPackage

/// Tells on a terminal how far a long command has come.
struct Progress {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?

  /// Shows how many bytes are done, at most ten times a second, and not before one has passed.
  ///
  /// - Parameter total: The number of all bytes, if that is known.
  mutating func update(byteCount: Int, of total: Int?) {
    let now = ContinuousClock.now
    guard isTerminal, now - start > .seconds(1) else { return }
    if let lastShown, now - lastShown < .milliseconds(100) { return }
    lastShown = now
    let megabytes = "\(byteCount >> 20)"
    show("\(megabytes)\(total.map { " of \($0 >> 20)" } ?? "") MiB read")
  }

  /// Removes what was shown.
  func finish() {
    if lastShown != nil { show("") }
  }

  /// Replaces the line on the terminal.
  private func show(_ text: String) {
    // The work does not depend on whether anybody sees this.
    _ = try? FileDescriptor.standardError.writeAll("\r\(text)\u{1B}[K".utf8)
  }
}

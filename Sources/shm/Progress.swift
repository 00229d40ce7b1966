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

/// Shows the progress of a long command on a terminal.
struct Progress {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?

  /// Shows how many bytes are done, at most ten times a second, and not in the first second.
  ///
  /// - Parameter total: The total number of bytes, if it is known.
  mutating func update(byteCount: Int, of total: Int?) {
    let now = ContinuousClock.now
    guard isTerminal, now - start > .seconds(1) else { return }
    if let lastShown, now - lastShown < .milliseconds(100) { return }
    lastShown = now
    let megabytes = "\(byteCount >> 20)"
    show("\(megabytes)\(total.map { " of \($0 >> 20)" } ?? "") MiB read")
  }

  /// Clears the line.
  func finish() {
    if lastShown != nil { show("") }
  }

  /// Replaces the line on the terminal.
  private func show(_ text: String) {
    // A failure to show progress does not matter.
    _ = try? FileDescriptor.standardError.writeAll("\r\(text)\u{1B}[K".utf8)
  }
}

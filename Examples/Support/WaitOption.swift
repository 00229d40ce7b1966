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

public import ArgumentParser

/// The option `--wait SECONDS`.
public struct WaitOption: ParsableArguments {
  /// The seconds.
  @Option(help: "How many seconds to wait for the other program.")
  public var wait = 10.0

  /// Creates the option with its default, ten seconds.
  public init() {}

  /// Refuses a value that is not a length of time.
  public func validate() throws {
    guard wait >= 0 else { throw ValidationError("'--wait' needs a number of seconds.") }
  }

  /// When the wait is over.
  public var deadline: ContinuousClock.Instant {
    // More seconds than a duration can hold count as forever.
    .now + .seconds(min(wait, 1e9))
  }
}

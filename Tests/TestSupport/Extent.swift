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

import Foundation

/// Whether campaigns, mutations and models run in full.
///
/// `scripts/test --whole` says so through the environment. The short form checks the same property
/// in fewer rounds.
package let isWhole = ProcessInfo.processInfo.environment["INTERPROCESS_WHOLE_TESTS"] == "1"

/// The amount of work for a test, in the form that runs.
///
/// Prints which test runs in its short form, for `scripts/watch-tests.py` to count.
package func extent<Amount>(
  whole: Amount, short: Amount, file: String = #fileID, function: String = #function
) -> Amount {
  if isWhole { return whole }
  print("Short form: \(file) \(function)")
  return short
}

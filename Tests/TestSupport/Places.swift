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

/// The places of files that the tests need.
package enum Places {
  /// The root of the package.
  package static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// An executable product or target of this package, which is built together with the tests.
  package static func product(_ name: String) -> String {
    // The tests run in a bundle that lies beside the products.
    let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().appending(path: name).path
  }

  /// The program that tests start, talk to and kill.
  package static let helper = product("interprocess-test-helper")
}

/// A name for shared memory that no other test uses.
package func uniqueName(_ label: String = "memory") -> String {
  "ipctest_\(run)_\(label)_\(UInt32.random(in: .min ... .max))"
}

/// The number of the process that runs all suites, and the suite, so that leftovers can be traced.
private let run = ProcessInfo.processInfo.environment["INTERPROCESS_TEST_RUN"] ?? "\(getpid())"

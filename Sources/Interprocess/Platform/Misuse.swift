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

/// Ends the process, as a closed handle was used.
@inline(never) @usableFromInline
func failAsClosed() -> Never { failAsMisused("This handle was used after close()") }

/// Ends the process because of a misuse that depends on what other threads or earlier calls have
/// done.
///
/// Unlike that of a precondition, the message also appears in a program built with optimisation:
/// the failed call alone does not show the reason.
@inline(never)
func failAsMisused(_ message: String) -> Never { fatalError(message) }

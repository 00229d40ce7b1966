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

/// Ends the process, as a handle was used that is closed.
@inline(never) @usableFromInline
func failAsClosed() -> Never { failAsMisused("This handle was used after close()") }

/// Ends the process, as something is used in a way that depends on what other threads or earlier
/// calls have done.
///
/// The message is also there in a program that was built with optimisation, which a precondition's
/// is not: a look at the call that has failed does not tell why.
@inline(never)
func failAsMisused(_ message: String) -> Never { fatalError(message) }

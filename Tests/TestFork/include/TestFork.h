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

#ifndef TESTFORK_H
#define TESTFORK_H

/// `fork`, which Swift does not import. Returns the child's number, 0 in the child, or -1 with `errno`.
int ipctest_fork(void);

#endif

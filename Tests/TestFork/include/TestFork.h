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

/// Forks a child that looks a moment later whether any of its descriptors has a lock, and ends. Returns 1 if one
/// has, 0 if none has, or -1. The child makes system calls only, as other threads may have been anywhere.
int ipctest_fork_and_find_lock(void);

/// Has the system refuse a call with an error number, from now on, to all threads of this process and to
/// the programs that they start: a call by its name, `ofd` (the locks of open file descriptions) or
/// `tmpfile` (files without a name). Returns -1 with `errno` if it cannot, or does not know the name.
int ipctest_deny(const char *_Nonnull name, int error);

#endif

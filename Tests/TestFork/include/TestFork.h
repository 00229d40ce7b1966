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

/// As `fork`, but nobody is told: no function given to `pthread_atfork` is called.
int ipctest_clone(void);

/// Forks a child that looks a moment later whether any of its descriptors has a lock, and ends. Returns 1 if one
/// has, 0 if none has, or -1. The child makes system calls only, as other threads may have been anywhere.
int ipctest_fork_and_find_lock(void);

/// Has the system refuse a call with an error number, from now on, to all threads of this process and to
/// the programs that they start: a call by its name, `ofd` (the locks of open file descriptions),
/// `tmpfile` (files without a name) or `long-fallocate` (of a megabyte and more). Returns -1 with `errno` if it cannot, or does not know the name.
int ipctest_deny(const char *_Nonnull name, int error);

/// As `ipctest_fork`, while neither the parent nor the child may open a descriptor; both may again when this
/// returns.
int ipctest_fork_without_descriptors(void);

/// What a program does around a fork.
typedef void (*_Nonnull ipctest_handler)(void);

/// Has a program's handlers called around each fork: with those that were registered before anything else
/// in the program ran, or as registered only now.
void ipctest_set_handlers(int is_early, ipctest_handler before, ipctest_handler in_parent, ipctest_handler in_child);

/// Makes anonymous memory that nobody can shrink. Returns its descriptor, or -1 with `errno`.
int ipctest_open_sealed(long byte_count);
/// Sees to it that nobody can map it for writing any more. Returns 0, or -1 with `errno`.
int ipctest_seal_against_writing(int fd);

/// Closes all descriptors of some numbers, as a daemon does. Returns 0, or -1 with `errno`.
int ipctest_close_range(unsigned first, unsigned last);

/// Lets this process wait for the children of its children whose parents have ended. Returns 0, or -1.
int ipctest_adopt_orphans(void);

/// Locks all bytes of a file, as a foreign program may, until the descriptor is closed: with a lock of the
/// open file description, F_RDLCK or F_WRLCK. Returns 0, or -1 with `errno`.
int ipctest_lock_all(int fd, int type);

/// Whether other processes of the same user may look into this one.
int ipctest_set_dumpable(int is_dumpable);

/// Has the kernel refuse leases on files (`F_SETLEASE`) to this process from now on, as where there are none.
int ipctest_refuse_file_leases(void);

#endif

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

/// Forks without calling any function registered by `pthread_atfork`.
int ipctest_clone(void);

/// Forks a child that checks a moment later whether any of its descriptors holds a lock, and ends. Returns 1 if one
/// does, 0 if none does, or -1. The child makes only system calls, as other threads may have been inside any call.
int ipctest_fork_and_find_lock(void);

/// Makes the system refuse a call with an error number, from now on, to all threads of this process and to the
/// programs that they start. The name is that of a call, or `ofd` (open file description locks), `tmpfile` (files
/// without a name) or `long-fallocate` (of a megabyte and more). Returns -1 with `errno` if it cannot, or does not
/// know the name.
int ipctest_deny(const char *_Nonnull name, int error);

/// Forks like `ipctest_fork`, but neither the parent nor the child can open a descriptor until this returns.
int ipctest_fork_without_descriptors(void);

/// A function that a program runs around a fork.
typedef void (*_Nonnull ipctest_handler)(void);

/// Makes each fork call a program's handlers: among those registered before anything else in the program ran, or
/// as registered only now.
void ipctest_set_handlers(int is_early, ipctest_handler before, ipctest_handler in_parent, ipctest_handler in_child);

/// Makes anonymous memory that no process can shrink. Returns its descriptor, or -1 with `errno`.
int ipctest_open_sealed(long byte_count);
/// Seals memory so that no process can map it for writing any more. Returns 0, or -1 with `errno`.
int ipctest_seal_against_writing(int fd);

/// Closes all descriptors of some numbers, as a daemon does. Returns 0, or -1 with `errno`.
int ipctest_close_range(unsigned first, unsigned last);

/// Makes this process the parent of its grandchildren whose parents have ended. Returns 0, or -1.
int ipctest_adopt_orphans(void);

/// Locks all bytes of a file, as a foreign program may, until the descriptor is closed: with an open file
/// description lock, F_RDLCK or F_WRLCK. Returns 0, or -1 with `errno`.
int ipctest_lock_all(int fd, int type);

/// Sets whether other processes of the same user may look into this one.
int ipctest_set_dumpable(int is_dumpable);

/// Makes the kernel refuse file leases (`F_SETLEASE`) to this process from now on, like a kernel without them.
int ipctest_refuse_file_leases(void);

#endif

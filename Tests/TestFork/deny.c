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

#define _GNU_SOURCE
#include "TestFork.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The C library's headers may be older than the kernel.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define WORD(n) offsetof(struct seccomp_data, args[n])
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/// Installs the filter for all threads of the process.
static int install(struct sock_filter *filter, size_t count) {
  struct sock_fprog program = {.len = (unsigned short)count, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  return result == 0 ? 0 : -1;
}

static int refuse_call(unsigned number, unsigned error) {
  struct sock_filter filter[] = {
      LOAD(offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      REFUSE(error),
      ALLOW,
  };
  return install(filter, sizeof filter / sizeof *filter);
}

/// `F_OFD_GETLK`, `F_OFD_SETLK` and `F_OFD_SETLKW` of `fcntl`.
static int refuse_ofd_locks(unsigned error) {
  struct sock_filter filter[] = {
      LOAD(offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 4),
      LOAD(WORD(1)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, F_OFD_GETLK, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, F_OFD_SETLKW, 1, 0),
      REFUSE(error),
      ALLOW,
  };
  return install(filter, sizeof filter / sizeof *filter);
}

/// `open` and `openat` with `O_TMPFILE`, without the bit of `O_DIRECTORY` that it includes.
static int refuse_nameless_files(unsigned error) {
  struct sock_filter filter[] = {
      LOAD(offsetof(struct seccomp_data, nr)),
#ifdef SYS_open
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 3, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      LOAD(WORD(2)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      REFUSE(error),
      ALLOW,
#ifdef SYS_open
      LOAD(WORD(1)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
      REFUSE(error),
      ALLOW,
#endif
  };
  return install(filter, sizeof filter / sizeof *filter);
}

/// `fallocate` of a megabyte and more, except to give pages back: with `EINTR`, as under a fast timer.
static int refuse_long_reservations(unsigned error) {
  struct sock_filter filter[] = {
      LOAD(offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 5),
      LOAD(WORD(1)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FALLOC_FL_PUNCH_HOLE, 3, 0),
      LOAD(WORD(3)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1 << 20, 0, 1),
      REFUSE(error),
      ALLOW,
  };
  return install(filter, sizeof filter / sizeof *filter);
}

#define CALL(name) {#name, SYS_##name}

static const struct {
  const char *name;
  unsigned number;
} calls[] = {
    CALL(fallocate),      CALL(fchmod),     CALL(fcntl),          CALL(fgetxattr),
    CALL(flock),          CALL(fsetxattr),  CALL(fstatfs),        CALL(ftruncate),
    CALL(futex),          CALL(getdents64), CALL(futex_waitv),    CALL(inotify_init1),
    CALL(linkat),         CALL(madvise),    CALL(membarrier),     CALL(memfd_create),
    CALL(mlock),          CALL(mmap),       CALL(mremap),         CALL(prlimit64),
    CALL(process_vm_readv), CALL(pwrite64), CALL(recvmsg),  CALL(renameat2),      CALL(sendmsg),       CALL(socketpair),
    CALL(statfs),         CALL(statx),      CALL(unlinkat),       CALL(getrandom),
#ifdef SYS_unlink
    CALL(unlink),
#endif
#ifdef SYS_rename
    CALL(rename),
#endif
    CALL(renameat),
#ifdef SYS_link
    CALL(link),
#endif
};

int ipctest_deny(const char *name, int error) {
  if (!strcmp(name, "ofd")) return refuse_ofd_locks((unsigned)error);
  if (!strcmp(name, "tmpfile")) return refuse_nameless_files((unsigned)error);
  if (!strcmp(name, "long-fallocate")) return refuse_long_reservations((unsigned)error);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (!strcmp(name, calls[i].name)) return refuse_call(calls[i].number, (unsigned)error);
  }
  errno = EINVAL;
  return -1;
}

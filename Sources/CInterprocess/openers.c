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
#include "CInterprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

// Linux 6.6; the same number on all architectures.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

int ipc_is_open_elsewhere(int fd) {
  // A process that opens the file while the lease lasts makes the kernel signal the lease holder,
  // by default with SIGIO, which would end the process. SIGURG is ignored unless the program wants
  // it.
  if (fcntl(fd, F_SETSIG, SIGURG) != 0) return -1;
  if (fcntl(fd, F_SETLEASE, F_WRLCK) != 0) return errno == EAGAIN ? 1 : -1;
  return fcntl(fd, F_SETLEASE, F_UNLCK);
}

int ipc_has_access_list(int fd) {
  if (fgetxattr(fd, "system.posix_acl_access", NULL, 0) >= 0) return 1;
  return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -1;
}

int ipc_set_mode(int path_fd, unsigned mode) {
  if (syscall(SYS_fchmodat2, path_fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
  // Before Linux 6.6, only a path leads to the file of such a descriptor.
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
  return chmod(path, mode);
}

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
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static const char attribute[] = "user.interprocess.temporary";

/// What the mark identifies: one inode, by its number and the time of its creation, as numbers are
/// reused.
typedef struct {
  unsigned long long inode;
  /// Zeros if the system does not report it.
  long long seconds;
  unsigned nanoseconds;
} mark;

/// Enough for "18446744073709551615 -9223372036854775808.4294967295".
enum { TEXT_SIZE = 64 };

/// The mark that belongs to the file at `path`, or, if that is NULL, to the file of the descriptor.
static int describe(int fd, const char *path, mark *found) {
  struct statx status;
  int flags = path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
  if (statx(path ? AT_FDCWD : fd, path ? path : "", flags, STATX_INO | STATX_BTIME, &status) == 0) {
    *found = (mark){.inode = status.stx_ino};
    if (status.stx_mask & STATX_BTIME) {
      found->seconds = status.stx_btime.tv_sec;
      found->nanoseconds = status.stx_btime.tv_nsec;
    }
    return 0;
  }
  // A filter of system calls may refuse `statx`.
  struct stat old;
  if ((path ? lstat(path, &old) : fstat(fd, &old)) != 0) return -1;
  *found = (mark){.inode = old.st_ino};
  return 0;
}

static int has_birth(const mark *mark) { return mark->seconds != 0 || mark->nanoseconds != 0; }

int ipc_set_temporary_mark(int fd) {
  mark own;
  char text[TEXT_SIZE];
  if (describe(fd, NULL, &own) != 0) return -1;
  int length = snprintf(text, sizeof text, "%llu %lld.%u", own.inode, own.seconds, own.nanoseconds);
  return fsetxattr(fd, attribute, text, length, 0);
}

int ipc_has_temporary_mark(int fd, const char *path) {
  char text[TEXT_SIZE];
  ssize_t length;
  if (path) {
    length = lgetxattr(path, attribute, text, sizeof text - 1);
  } else {
    length = fgetxattr(fd, attribute, text, sizeof text - 1);
    if (length < 0 && errno == EBADF) {
      // A descriptor that only locates a file.
      char itself[32];
      snprintf(itself, sizeof itself, "/proc/self/fd/%d", fd);
      length = getxattr(itself, attribute, text, sizeof text - 1);
    }
  }
  if (length < 0) return errno == ENODATA || errno == ERANGE ? 0 : -1;
  text[length] = 0;
  mark own, found;
  if (describe(fd, path, &own) != 0) return -1;
  if (sscanf(text, "%llu %lld.%u", &found.inode, &found.seconds, &found.nanoseconds) != 3) return 0;
  if (found.inode != own.inode) return 0;
  if (!has_birth(&found) || !has_birth(&own)) return 1;
  return found.seconds == own.seconds && found.nanoseconds == own.nanoseconds;
}

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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

const int ipc_O_TMPFILE = O_TMPFILE;
const int ipc_O_PATH = O_PATH;
const int ipc_AT_EMPTY_PATH = AT_EMPTY_PATH;
const int ipc_F_OFD_GETLK = F_OFD_GETLK;
const int ipc_F_OFD_SETLK = F_OFD_SETLK;
const int ipc_SEEK_DATA = SEEK_DATA;
const int ipc_SEEK_HOLE = SEEK_HOLE;
const unsigned ipc_RENAME_NOREPLACE = RENAME_NOREPLACE;

int ipc_rename(const char *from, const char *to, unsigned flags) {
  // Without flags, the older call does the same, even where the newer one is refused.
  return flags ? renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) : rename(from, to);
}

int ipc_birth_time(int fd, int64_t *seconds, int64_t *nanoseconds) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return -1;
  if (!(status.stx_mask & STATX_BTIME)) {
    errno = ENODATA;
    return -1;
  }
  *seconds = status.stx_btime.tv_sec;
  *nanoseconds = status.stx_btime.tv_nsec;
  return 0;
}

unsigned ipc_device_major(uint64_t device) { return major(device); }

unsigned ipc_device_minor(uint64_t device) { return minor(device); }

void *ipc_remap(void *start, size_t old_byte_count, size_t byte_count, void *target) {
  if (!target) return mremap(start, old_byte_count, byte_count, MREMAP_MAYMOVE);
  if (target == start) return mremap(start, old_byte_count, byte_count, 0);
  return mremap(start, old_byte_count, byte_count, MREMAP_MAYMOVE | MREMAP_FIXED, target);
}

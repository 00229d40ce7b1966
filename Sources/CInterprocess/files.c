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

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

const int ipc_F_SEAL_SEAL = F_SEAL_SEAL;
const int ipc_F_SEAL_WRITE = F_SEAL_WRITE;
const int ipc_F_SEAL_FUTURE_WRITE = F_SEAL_FUTURE_WRITE;

int ipc_is_in_tmpfs(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) != 0) return -1;
  return (unsigned)status.f_type == TMPFS_MAGIC;
}

unsigned ipc_file_type(int fd) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) != 0) return 0;
  return status.stx_mode;
}

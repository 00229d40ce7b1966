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

int ipc_take_pages(int fd, int64_t offset, int64_t byte_count) {
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, byte_count);
}

int ipc_discard_pages(int fd, int64_t offset, int64_t byte_count) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byte_count);
}

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
#include <sys/mman.h>

// The C library's headers may be older than the kernel.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

int ipc_reserve(int fd, int64_t offset, int64_t byte_count) {
  int before = errno;
  int error = fallocate(fd, 0, offset, byte_count) == 0 ? 0 : errno;
  errno = before;
  return error;
}

int ipc_take_pages(int fd, int64_t offset, int64_t byte_count) {
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, byte_count);
}

int ipc_discard_pages(int fd, int64_t offset, int64_t byte_count) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byte_count);
}

int ipc_populate(void *start, size_t byte_count, int is_writing) {
  return madvise(start, byte_count, is_writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

int ipc_collapse(void *start, size_t byte_count) { return madvise(start, byte_count, MADV_COLLAPSE); }

void ipc_touch(const void *start, size_t byte_count, size_t page_byte_count) {
  const volatile char *bytes = start;
  for (size_t offset = 0; offset < byte_count; offset += page_byte_count) (void)bytes[offset];
}

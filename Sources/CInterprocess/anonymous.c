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
#include <sys/mman.h>

int ipc_open_anonymous(void) {
  return memfd_create("swift-interprocess", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int ipc_seal_size(int fd) {
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int ipc_seals(int fd) { return fcntl(fd, F_GET_SEALS); }

int ipc_is_sealed_against_shrinking(int fd) {
  int seals = ipc_seals(fd);
  return seals >= 0 && (seals & F_SEAL_SHRINK);
}

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

#ifndef CINTERPROCESS_H
#define CINTERPROCESS_H

#include <stdint.h>

// This header includes no other system header: what one of them declares would count as declared here.

// Constants that the C library shows only to `_GNU_SOURCE`, which a header that Swift imports must
// not define.

/// `O_TMPFILE`: a file without a name in the given directory.
extern const int ipc_O_TMPFILE;
/// `O_PATH`: a descriptor that only tells where a file lies, and needs no permission on it.
extern const int ipc_O_PATH;
/// `F_OFD_GETLK`, `F_OFD_SETLK`: locks that belong to an open file description, not to a process.
extern const int ipc_F_OFD_GETLK;
extern const int ipc_F_OFD_SETLK;

/// The time at which the file was made, as `statx` tells it, in whole seconds since 1970 and nanoseconds.
/// Returns 0, or -1 with `errno`; `ENODATA` where the file system keeps no such time.
int ipc_birth_time(int fd, int64_t *_Nonnull seconds, int64_t *_Nonnull nanoseconds);

/// The two parts of a device number, as the kernel prints them.
unsigned ipc_device_major(uint64_t device);
unsigned ipc_device_minor(uint64_t device);

#endif

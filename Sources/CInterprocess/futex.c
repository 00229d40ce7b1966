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
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Without FUTEX_PRIVATE_FLAG: the sleeper and the waker are in different processes.

int ipc_futex_wait(const void *word, uint32_t value, int64_t seconds, int64_t nanoseconds) {
  struct timespec timeout = {.tv_sec = seconds, .tv_nsec = nanoseconds};
  return (int)syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

// The C library's headers may be older than the kernel.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { MAXIMUM_COUNT = 128, SIZE_OF_4_BYTES = 2 };

int ipc_futex_wait_any(const ipc_futex_word *words, size_t count, int64_t seconds, int64_t nanoseconds) {
  // The same layout as `struct futex_waitv`.
  struct {
    uint64_t value, address;
    uint32_t flags, reserved;
  } waits[MAXIMUM_COUNT];
  if (count > MAXIMUM_COUNT) {
    errno = EINVAL;
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    waits[i].value = words[i].value;
    waits[i].address = (uintptr_t)words[i].word;
    waits[i].flags = SIZE_OF_4_BYTES;
    waits[i].reserved = 0;
  }
  // Unlike `FUTEX_WAIT`, this call takes the absolute time at which to end.
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += seconds;
  end.tv_nsec += nanoseconds;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000;
  }
  return (int)syscall(
      SYS_futex_waitv, waits, (unsigned)count, 0, seconds < 0 ? NULL : &end, CLOCK_MONOTONIC);
}

int ipc_futex_wake(const void *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

int ipc_fence_all(void) { return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0); }

int ipc_fence_register(void) {
  return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0);
}

_Thread_local uint64_t ipc_thread_number __attribute__((tls_model("initial-exec")));

uint64_t ipc_number_thread(void) {
  // At one number per nanosecond, they last for 500 years.
  static uint64_t count;
  return ipc_thread_number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

int ipc_processor_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }

static _Thread_local int interruption;

int ipc_interruption(void) { return interruption; }

void ipc_set_interruption(int ends_waits) { interruption = ends_waits; }

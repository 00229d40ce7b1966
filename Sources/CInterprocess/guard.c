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
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// A guard turns a SIGBUS in a mapping into a mark. The handler maps zero pages where the file has
// none and returns, so that the access is repeated and reads zeros: nothing jumps across the
// reader's stack frames. The mark makes the end of the scope fail, and the file is mapped there
// again.
//
// - The handler acts only on a fault of a thread that is in a scope, within the range of that
//   scope. It reads the list of its own thread, which no other thread changes, and takes no lock.
// - Every thread of the process sees the zeros. So the mark belongs to the range, not to a scope:
//   every scope on the range that ends while the mark is set fails, and the last one to end removes
//   the zeros and the mark.
// - A fault replaces the whole rest of the range. Another fault requires that the file has shrunk
//   further, so there are at most as many as pages.

/// A range with open scopes. Except for `is_marked`, it changes only under the fork lock.
typedef struct guarded_range {
  char *start;
  size_t byte_count;
  int fd;
  int protection;
  /// How many scopes are open on it.
  unsigned scope_count;
  /// The fork that this count belongs to.
  uint32_t generation;
  atomic_int is_marked;
  struct guarded_range *next;
} guarded_range;

static guarded_range *ranges;

/// The scopes of this thread, the innermost first. With this TLS model, the variable exists from
/// the start of the thread, so that the handler allocates no memory.
static _Thread_local ipc_guard *_Atomic innermost __attribute__((tls_model("initial-exec")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction previous;
static int install_error;
static uintptr_t page_mask;

/// Maps zero pages from the page of an address to the end of the range.
static int fill(guarded_range *range, uintptr_t address) {
  char *from = (char *)(address & page_mask);
  size_t byte_count = (size_t)(range->start + range->byte_count - from);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  // `mmap` is a plain system call, and safe here. Writable pages are refused if the system counts
  // every page that may be written; those are for threads that write without a guard.
  return mmap(from, byte_count, range->protection, flags, -1, 0) != MAP_FAILED ||
         mmap(from, byte_count, PROT_READ, flags, -1, 0) != MAP_FAILED;
}

/// Treats a signal from elsewhere as the previous action would have.
static void pass_on(int number, siginfo_t *info, void *context) {
  if (previous.sa_flags & SA_SIGINFO) {
    // The return from this handler unblocks what is blocked here.
    pthread_sigmask(SIG_BLOCK, &previous.sa_mask, NULL);
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    pthread_sigmask(SIG_BLOCK, &previous.sa_mask, NULL);
    previous.sa_handler(number);
  } else if (info->si_code > 0 || previous.sa_handler == SIG_DFL) {
    // The kernel lets no process ignore a fault. The access is repeated, or the signal sent again,
    // and ends the process.
    signal(number, SIG_DFL);
    if (info->si_code <= 0) raise(number);
  }
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  int error = errno;
  if (info->si_code == BUS_ADRERR) {
    uintptr_t address = (uintptr_t)info->si_addr;
    for (ipc_guard *guard = innermost; guard; guard = guard->outer) {
      guarded_range *range = guard->range;
      if (address - (uintptr_t)range->start >= range->byte_count) continue;
      // Marked first, so that no scope takes zeros for content.
      atomic_store(&range->is_marked, 1);
      if (!fill(range, address)) break;
      errno = error;
      return;
    }
  }
  pass_on(number, info, context);
  errno = error;
}

static void install(void) {
  page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigemptyset(&action.sa_mask);
  // The handler needs the previous action as soon as it is set.
  if (sigaction(SIGBUS, NULL, &previous) || sigaction(SIGBUS, &action, NULL)) install_error = errno;
}

/// Transfers a range from before a fork to this child, where only this thread exists: the scopes of
/// other threads will never end.
static void adopt(guarded_range *range) {
  if (range->generation == ipc_fork_generation()) return;
  range->generation = ipc_fork_generation();
  range->scope_count = 0;
  for (ipc_guard *guard = innermost; guard; guard = guard->outer) {
    if (guard->range == range) range->scope_count++;
  }
}

/// The range at an address; creates it if necessary.
static guarded_range *range_at(const void *start, size_t byte_count, int fd, int protection) {
  for (guarded_range *range = ranges; range; range = range->next) {
    if (range->start != start) continue;
    adopt(range);
    // A range without scopes was left by a fork.
    if (range->scope_count == 0) {
      range->byte_count = byte_count;
      range->fd = fd;
      range->protection = protection;
    }
    return range;
  }
  guarded_range *range = malloc(sizeof *range);
  if (!range) return NULL;
  *range = (guarded_range){.start = (char *)start,
                           .byte_count = byte_count,
                           .fd = fd,
                           .protection = protection,
                           .generation = ipc_fork_generation(),
                           .next = ranges};
  ranges = range;
  return range;
}

int ipc_guard_begin(
    ipc_guard *guard, const void *start, size_t byte_count, int fd, int is_writable) {
  pthread_once(&once, install);
  if (install_error) {
    errno = install_error;
    return -1;
  }
  ipc_fork_lock();
  int protection = PROT_READ | (is_writable ? PROT_WRITE : 0);
  guarded_range *range = range_at(start, (byte_count + ~page_mask) & page_mask, fd, protection);
  if (range) range->scope_count++;
  ipc_fork_unlock();
  if (!range) return -1;
  guard->range = range;
  guard->outer = innermost;
  innermost = guard;
  if (!guard->outer) {
    // A fault in a thread that blocks the signal ends the process.
    sigset_t set;
    sigset_t old;
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    pthread_sigmask(SIG_UNBLOCK, &set, &old);
    guard->was_blocked = sigismember(&old, SIGBUS);
  } else {
    guard->was_blocked = 0;
  }
  return 0;
}

int ipc_guard_end(ipc_guard *guard) {
  guarded_range *range = guard->range;
  if (guard->was_blocked) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
  }
  ipc_fork_lock();
  adopt(range);
  innermost = guard->outer;
  int is_marked = atomic_load(&range->is_marked);
  if (--range->scope_count == 0) {
    // If the system refuses that, the zeros stay for the life of the mapping. The scope then fails,
    // so its user knows.
    if (is_marked)
      mmap(range->start, range->byte_count, range->protection, MAP_SHARED | MAP_FIXED, range->fd, 0);
    guarded_range **link = &ranges;
    while (*link != range) link = &(*link)->next;
    *link = range->next;
    free(range);
  }
  ipc_fork_unlock();
  return is_marked;
}

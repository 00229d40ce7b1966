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
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static ipc_file *files;
uint32_t ipc_generation;

const uint32_t *ipc_fork_generation_word(void) { return &ipc_generation; }

// MARK: - The lock

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/// The thread that holds the lock, and how many times over. A recursive mutex of the C library
/// would use the kernel's thread number, which differs in a forked child.
static uint64_t owner;
static unsigned depth;
/// The process that is about to fork, and whether its child has already made the files its own.
static pid_t forking_process;
static int is_settled;

static void settle(void);

void ipc_fork_lock(void) {
  uint64_t self = ipc_thread();
  if (__atomic_load_n(&owner, __ATOMIC_RELAXED) != self) {
    pthread_mutex_lock(&lock);
    __atomic_store_n(&owner, self, __ATOMIC_RELAXED);
    depth = 1;
    return;
  }
  depth++;
  // A handler of the program runs within the fork. In the child, its actions must follow the
  // child's own first steps, or files that it opens would be taken for its parent's.
  if (!is_settled && getpid() != forking_process) settle();
}

void ipc_fork_unlock(void) {
  if (--depth > 0) return;
  __atomic_store_n(&owner, 0, __ATOMIC_RELAXED);
  pthread_mutex_unlock(&lock);
}

// MARK: - Descriptors of the library

/// The file for which each descriptor was last noted.
static ipc_file **by_number;
static size_t number_count;

/// Makes room in the table. Returns 0, or -1 with `errno`.
static int make_room(int fd) {
  if ((size_t)fd < number_count) return 0;
  size_t count = ((size_t)fd + 1) * 2;
  ipc_file **table = realloc(by_number, count * sizeof *table);
  if (!table) return -1;
  memset(table + number_count, 0, (count - number_count) * sizeof *table);
  by_number = table;
  number_count = count;
  return 0;
}

/// Sets the number of a file. A file previously noted under that number has lost it: otherwise the
/// kernel would not have assigned it again.
static void set_number(ipc_file *file, int fd) {
  if (file->fd >= 0 && (size_t)file->fd < number_count && by_number[file->fd] == file) {
    by_number[file->fd] = NULL;
  }
  if (fd >= 0 && (size_t)fd < number_count) {
    if (by_number[fd]) __atomic_store_n(&by_number[fd]->fd, -1, __ATOMIC_RELAXED);
    by_number[fd] = file;
  }
  __atomic_store_n(&file->fd, fd, __ATOMIC_RELAXED);
}

static int is_same(const ipc_file *file, const struct stat *status) {
  return status->st_dev == file->device && status->st_ino == file->inode;
}

static int leads_to(int fd, const ipc_file *file) {
  struct stat status;
  return fd >= 0 && fstat(fd, &status) == 0 && is_same(file, &status);
}

int ipc_file_proven_number(const ipc_file *file) {
  int fd = __atomic_load_n(&file->fd, __ATOMIC_RELAXED);
  return leads_to(fd, file) ? fd : -1;
}

int ipc_file_number(const ipc_file *file) {
  // A file that was never mapped belongs to the call that has just opened it.
  if (__atomic_load_n(&file->was_mapped, __ATOMIC_RELAXED)) return ipc_file_proven_number(file);
  return __atomic_load_n(&file->fd, __ATOMIC_RELAXED);
}

static void close_number(ipc_file *file) {
  // Linux releases the descriptor whatever `close` returns, so there is nothing to retry, and these
  // files hold no data that could fail to reach a disk.
  if (leads_to(file->fd, file)) close(file->fd);
  set_number(file, -1);
}

// MARK: - Separate descriptions

/// Returns the descriptor, or closes it and returns -1 if it does not lead to the file.
static int proven(int fd, const ipc_file *file) {
  if (fd < 0 || leads_to(fd, file)) return fd;
  close(fd);
  return -1;
}

/// Opens a file again, with no more rights than before.
static int reopen(const ipc_file *file) {
  int flags = (file->is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = -1;
  if (leads_to(file->fd, file)) {
    char path[32];
    // `snprintf` with an integer takes no lock and no memory.
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    fd = proven(open(path, flags), file);
  }
  if (fd >= 0 || !file->path) return fd;
  // The name serves if there is no `/proc`, or no number any more. Checked before opening: to open
  // a FIFO or a device would affect it.
  struct stat status;
  if (lstat(file->path, &status) != 0 || !is_same(file, &status)) return -1;
  return proven(open(file->path, flags | O_NOFOLLOW), file);
}

/// Exchanges the description behind the memory of a file. Returns 0, or -1 with everything
/// unchanged.
static int remap(const ipc_file *file, int fd) {
  int protection = PROT_READ | (file->is_writable ? PROT_WRITE : 0);
  // Not directly at the old place: a mapping that is refused there may leave a hole.
  void *start = mmap(NULL, file->byte_count, protection, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) return -1;
  void *moved = mremap(
      start, file->byte_count, file->byte_count, MREMAP_MAYMOVE | MREMAP_FIXED, file->start);
  if (moved != MAP_FAILED) return 0;
  munmap(start, file->byte_count);
  return -1;
}

/// Exchanges the description behind a file on which this process holds no lock. Makes only system
/// calls, as a forked child must. Returns 0, or -1 with the file unchanged.
static int exchange(ipc_file *file) {
  // A number that has become free may be the one that the file gets next.
  if (!leads_to(file->fd, file)) set_number(file, -1);
  int fd = reopen(file);
  if (fd < 0) return -1;
  if (file->start && remap(file, fd) != 0) {
    close(fd);
    return -1;
  }
  if (file->fd >= 0 && dup3(fd, file->fd, O_CLOEXEC) == file->fd) {
    close(fd);
  } else {
    // The old number belongs to another file, or now exceeds the limit of the process.
    if (file->fd >= 0) close(file->fd);
    set_number(file, fd);
  }
  __atomic_store_n(&file->is_inherited, 0, __ATOMIC_RELEASE);
  return 0;
}

int ipc_file_own(ipc_file *file) {
  if (ipc_file_number(file) >= 0 && !__atomic_load_n(&file->is_inherited, __ATOMIC_ACQUIRE)) return 0;
  ipc_fork_lock();
  int result = 0;
  if (file->is_inherited || !leads_to(file->fd, file)) {
    // Locks of this process would end with their description, which its mapping keeps.
    result = file->holds_locks && file->start ? -1 : exchange(file);
  }
  ipc_fork_unlock();
  return result;
}

int ipc_file_number_for_lock(ipc_file *file, int takes_lock) {
  if (ipc_file_own(file) != 0) return -1;
  if (takes_lock) __atomic_store_n(&file->holds_locks, 1, __ATOMIC_RELAXED);
  return __atomic_load_n(&file->fd, __ATOMIC_RELAXED);
}

// MARK: - Forking

/// The first actions of a child. Only its one thread exists.
static void settle(void) {
  is_settled = 1;
  for (ipc_file *file = files; file; file = file->next) {
    if (!file->start) {
      // It belongs to another thread of the parent, which is not here to close it; it may hold a
      // claim.
      close_number(file);
      continue;
    }
    file->is_inherited = 1;
    file->holds_locks = 0;
    // If this fails, the child keeps what it has inherited.
    exchange(file);
  }
  ipc_generation++;
}

static void before(void) {
  ipc_fork_lock();
  forking_process = getpid();
  is_settled = 0;
}

static void in_parent(void) {
  is_settled = 1;
  ipc_fork_unlock();
}

static void in_child(void) {
  if (!is_settled) settle();
  ipc_fork_unlock();
}

static int is_installed;

/// Registered before the handlers of the program, so that they run outside the lock: the C library
/// calls handlers that precede a fork in reverse order of registration, and the others in order.
__attribute__((constructor(101))) static void install(void) {
  is_settled = 1;
  is_installed = pthread_atfork(before, in_parent, in_child) == 0;
}

// MARK: - The list

ipc_file *ipc_file_note(int fd, int is_writable) {
  if (!is_installed) install();
  struct stat status;
  if (fstat(fd, &status) != 0) return NULL;
  ipc_file *file = is_installed && make_room(fd) == 0 ? malloc(sizeof *file) : NULL;
  if (!file) {
    errno = ENOMEM;
    return NULL;
  }
  *file = (ipc_file){
      .fd = -1,
      .is_writable = is_writable,
      .device = status.st_dev,
      .inode = status.st_ino,
      .lease_generation = ipc_generation,
      .next = files,
  };
  set_number(file, fd);
  if (files) files->previous = file;
  files = file;
  return file;
}

void ipc_file_note_path(ipc_file *file, const char *path) {
  ipc_fork_lock();
  free(file->path);
  // Without memory, the file has no name: one way less to open it again.
  file->path = strdup(path);
  ipc_fork_unlock();
}

void ipc_file_note_mapping(ipc_file *file, void *start, size_t byte_count) {
  file->start = start;
  file->byte_count = byte_count;
  __atomic_store_n(&file->was_mapped, 1, __ATOMIC_RELAXED);
}

void ipc_file_close(ipc_file *file) {
  ipc_fork_lock();
  if (file->previous) {
    file->previous->next = file->next;
  } else {
    files = file->next;
  }
  if (file->next) file->next->previous = file->previous;
  close_number(file);
  ipc_fork_unlock();
  free(file->path);
  free(file);
}

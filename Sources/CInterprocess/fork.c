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
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ipc_file *files;
uint32_t ipc_generation;

void ipc_fork_lock(void) { pthread_mutex_lock(&lock); }

void ipc_fork_unlock(void) { pthread_mutex_unlock(&lock); }

/// Exchanges the description beneath one file. Runs in the child, where only this thread exists, and
/// makes system calls only.
static void exchange(ipc_file *file) {
  char path[32];
  // `snprintf` with an integer takes no lock and no memory.
  snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
  int fd = open(path, (file->is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
  int protection = PROT_READ | (file->is_writable ? PROT_WRITE : 0);
  if (fd < 0) {
    // The mode of the file does not let the child open it. It gets a descriptor that no lock can be
    // taken on, and addresses that no access may touch: less than its parent has, and nothing of
    // anybody else's.
    fd = open("/", O_PATH | O_CLOEXEC);
    protection = PROT_NONE;
  }
  if (file->start) {
    if (protection == PROT_NONE) {
      mmap(file->start, file->byte_count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    } else {
      mmap(file->start, file->byte_count, protection, MAP_SHARED | MAP_FIXED, fd, 0);
    }
  }
  // With no descriptor to be had at all, the number keeps its old meaning: a number that is free here,
  // and that the handle closes later, would be worse than a lease that lives too long.
  if (fd < 0) return;
  dup3(fd, file->fd, O_CLOEXEC);
  close(fd);
}

static void in_child(void) {
  for (ipc_file *file = files; file; file = file->next) exchange(file);
  ipc_generation++;
  ipc_fork_unlock();
}

static void install(void) { pthread_atfork(ipc_fork_lock, ipc_fork_unlock, in_child); }

ipc_file *ipc_file_note(int fd, int is_writable) {
  pthread_once(&once, install);
  ipc_file *file = malloc(sizeof *file);
  if (!file) return NULL;
  *file = (ipc_file){.fd = fd, .is_writable = is_writable, .next = files};
  if (files) files->previous = file;
  files = file;
  return file;
}

void ipc_file_close(ipc_file *file) {
  ipc_fork_lock();
  if (file->previous) {
    file->previous->next = file->next;
  } else {
    files = file->next;
  }
  if (file->next) file->next->previous = file->previous;
  // Linux releases the descriptor whatever `close` returns, so that there is nothing to retry, and these
  // files keep no data that could fail to reach a disk.
  close(file->fd);
  ipc_fork_unlock();
  free(file);
}

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
#include "TestFork.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int ipctest_fork(void) { return fork(); }

int ipctest_clone(void) { return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static int finds_lock(void) {
  for (int fd = 3; fd < 64; fd++) {
    char path[32];
    char text[1024];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY);
    if (info < 0) continue;
    ssize_t count = read(info, text, sizeof text - 1);
    close(info);
    if (count < 0) _exit(2);
    text[count] = 0;
    if (strstr(text, "OFDLCK")) return 1;
  }
  return 0;
}

int ipctest_fork_and_find_lock(void) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    // Ends a child that never gets out of its lock.
    alarm(30);
    usleep(300);
    _exit(finds_lock());
  }
  int status;
  while (waitpid(child, &status, 0) != child) {}
  return WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -1;
}

int ipctest_fork_without_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
  struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &none) != 0) return -1;
  int child = fork();
  setrlimit(RLIMIT_NOFILE, &limit);
  return child;
}

static ipctest_handler early_before, early_in_parent, early_in_child;

static void call_before(void) {
  if (early_before) early_before();
}

static void call_in_parent(void) {
  if (early_in_parent) early_in_parent();
}

static void call_in_child(void) {
  if (early_in_child) early_in_child();
}

static void register_early(void) { pthread_atfork(call_before, call_in_parent, call_in_child); }

// Runs before any constructor with a priority of its own.
__attribute__((section(".init_array.00050"), used)) static void (*const early)(void) = register_early;

void ipctest_set_handlers(
    int is_early, ipctest_handler before, ipctest_handler in_parent, ipctest_handler in_child) {
  if (is_early) {
    early_before = before;
    early_in_parent = in_parent;
    early_in_child = in_child;
  } else {
    pthread_atfork(before, in_parent, in_child);
  }
}

int ipctest_close_range(unsigned first, unsigned last) { return close_range(first, last, 0); }

int ipctest_open_sealed(long byte_count) {
  int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return ftruncate(fd, byte_count) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 ? fd : -1;
}

int ipctest_seal_against_writing(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE); }

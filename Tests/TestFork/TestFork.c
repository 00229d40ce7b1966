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

#include "TestFork.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int ipctest_fork(void) { return fork(); }

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
    // A child that never gets out of its lock is ended.
    alarm(30);
    usleep(300);
    _exit(finds_lock());
  }
  int status;
  while (waitpid(child, &status, 0) != child) {}
  return WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status) : -1;
}

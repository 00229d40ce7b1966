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

#include <time.h>
#include <unistd.h>

// The lock that holds off `fork` guards all of this, so that a child finds it consistent.
static ipc_held_name *names;
static ipc_give_up_function give_up;
/// The process that last noted a name, and its generation of forks.
static int process;
static uint32_t generation;
/// How many threads are between `ipc_names_enter` and `ipc_names_leave`.
static unsigned user_count;
/// How far the end of this process has proceeded.
static enum { RUNNING, ENDING, ENDED } state;

/// How deeply this thread is nested in those sections, and whether it ends the process.
static __thread unsigned depth;
static __thread int is_last;

static const int64_t nanoseconds_per_second = 1000000000;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * nanoseconds_per_second + time.tv_nsec;
}

static void lock(void) {
  ipc_fork_lock();
  if (generation == ipc_fork_generation()) return;
  // A forked child: the other threads do not exist here, and their work concerns only the parent.
  generation = ipc_fork_generation();
  user_count = depth > 0;
  state = RUNNING;
}

static void unlock(void) { ipc_fork_unlock(); }

/// Lets other threads do what this one waits for.
static void give_way(void) {
  unlock();
  nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  lock();
}

// MARK: - Names

void ipc_names_enter(int is_leaving) {
  if (depth > 0) {
    depth++;
    return;
  }
  lock();
  if (state != RUNNING && !is_last) {
    int64_t deadline = now() + nanoseconds_per_second;
    while ((state == ENDING || (state == ENDED && !is_leaving)) && now() < deadline) give_way();
  }
  // Both under the lock, which in a forked child resets the count to this thread.
  user_count++;
  depth = 1;
  unlock();
}

void ipc_names_leave(void) {
  if (depth > 1) {
    depth--;
    return;
  }
  lock();
  user_count--;
  depth = 0;
  unlock();
}

int ipc_name_note(ipc_held_name *name, ipc_give_up_function function) {
  lock();
  give_up = function;
  process = getpid();
  name->generation = generation;
  name->process = process;
  int is_new = !name->is_listed;
  if (is_new) {
    name->is_listed = 1;
    name->previous = NULL;
    name->next = names;
    if (names) names->previous = name;
    names = name;
  }
  unlock();
  return is_new;
}

/// Compares the process number as well: children created by `vfork` and `clone` are of the same
/// generation.
static int is_own(const ipc_held_name *name) {
  return name->generation == generation && name->process == getpid();
}

static void strike(ipc_held_name *name) {
  if (name->previous) {
    name->previous->next = name->next;
  } else {
    names = name->next;
  }
  if (name->next) name->next->previous = name->previous;
  name->is_listed = 0;
}

ipc_strike_result ipc_name_strike(ipc_held_name *name) {
  lock();
  ipc_strike_result result = IPC_NOT_LISTED;
  if (name->is_listed) {
    result = is_own(name) ? IPC_OWN : IPC_OF_ANOTHER_PROCESS;
    strike(name);
  }
  unlock();
  return result;
}

// MARK: - The end of the process

/// Runs at `exit` and at the end of `main`: after the functions that the program has passed to
/// `atexit`, since the C library calls destructors after those; and after other destructors, which
/// have a greater number or none.
__attribute__((destructor(101))) static void end(void) {
  // A child that has noted nothing has nothing to give up. It may share the memory of its parent,
  // or have been created while another thread held the lock.
  if (process != getpid()) return;
  lock();
  if (state != RUNNING) {
    unlock();
    return;
  }
  state = ENDING;
  is_last = 1;
  // A thread that is about to name memory, or to remove a name, must not be interrupted. One that
  // takes longer has been stopped, or is this very thread, in the handler of a signal that arrived
  // then.
  int64_t deadline = now() + nanoseconds_per_second;
  while (user_count > (depth > 0) && now() < deadline) give_way();
  ipc_held_name *name = names;
  while (name) {
    if (!is_own(name)) {
      name = name->next;
      continue;
    }
    strike(name);
    unlock();
    give_up(name->object, now() < deadline);
    lock();
    name = names;
  }
  state = ENDED;
  unlock();
}

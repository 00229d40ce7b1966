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

// contender: name="pthread mutex" mode=mutex group=lock
// contender: name="sem_t" mode=sem group=wake
// flags: -pthread

// Process-shared locks: what lock/unlock costs alone, and how two processes share it.
#include "bench.h"
#include <pthread.h>
#include <semaphore.h>

typedef struct {
  _Alignas(64) pthread_mutex_t m;
  _Alignas(64) uint64_t counter;
  _Alignas(64) uint64_t go, stop;
  uint64_t did[2];
} lockbox;

static lockbox *box_new(int robust) {
  lockbox *b = bench_shared(4096);
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  if (robust) pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&b->m, &a);
  return b;
}

static void lock_unlock(void *p) {
  lockbox *b = p;
  pthread_mutex_lock(&b->m);
  b->counter++;
  pthread_mutex_unlock(&b->m);
}

static const char *const name[] = {"pthread mutex", "pthread mutex, robust"};

static void uncontended(int robust) {
  bench_row row = {.contender = name[robust],
      .lang = "C",
      .test = "lock",
      .unit = "ns",
      .what = "lock+unlock, alone"};
  bench_time(&row, lock_unlock, box_new(robust));
  bench_emit(&row);
}

// Both processes lock, count and unlock as fast as they can; the row is their sum.
static void hammer(lockbox *b, int side) {
  __atomic_fetch_add(&b->go, 1, __ATOMIC_ACQ_REL);
  while (bench_load(&b->go) < 2) sched_yield();
  uint64_t n = 0;
  while (!bench_load(&b->stop)) {
    for (int i = 0; i < 64; i++) lock_unlock(b);
    n += 64;
  }
  bench_store(&b->did[side], n);
}
static void side_b(void *p) {
  for (int r = 0; r < bench.reps; r++) hammer((lockbox *)p + r, 1);
}
static void side_a(void *p) {
  lockbox *b = p;
  uint64_t *t = (uint64_t *)(b + BENCH_MAX_REPS); // per repetition: start, end
  for (int r = 0; r < bench.reps; r++) {
    t[2 * r] = bench_now();
    hammer(b + r, 0);
    t[2 * r + 1] = bench_now();
  }
}
// A third process times the repetitions, so that neither side reads the clock in its loop.
static void timekeeper(lockbox *b) {
  for (int r = 0; r < bench.reps; r++) {
    while (bench_load(&b[r].go) < 2) usleep(200);
    usleep((useconds_t)bench.ms * 1000);
    bench_store(&b[r].stop, 1);
  }
}

static void contended(int robust) {
  size_t bytes = sizeof(lockbox) * BENCH_MAX_REPS + 16 * BENCH_MAX_REPS;
  lockbox *b = bench_shared(bytes);
  for (int r = 0; r < bench.reps; r++) {
    lockbox *one = box_new(robust);
    memcpy(&b[r].m, &one->m, sizeof one->m); // not locked yet: plain bytes
    munmap(one, 4096);
  }
  fflush(stdout);
  pid_t keeper = fork();
  if (keeper == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    timekeeper(b);
    _exit(0);
  }
  if (bench_pair(side_a, side_b, b)) {
    kill(keeper, SIGKILL);
    bench_skip(name[robust], "lock", 0, "failed or timed out");
    return;
  }
  waitpid(keeper, NULL, 0);
  bench_row row = {.contender = name[robust],
      .lang = "C",
      .test = "lock",
      .unit = "ops/s",
      .what = "lock+unlock, two processes"};
  uint64_t *t = (uint64_t *)(b + BENCH_MAX_REPS);
  for (int r = 0; r < bench.reps; r++) {
    uint64_t did = b[r].did[0] + b[r].did[1];
    if (did != b[r].counter) {
      bench_skip(name[robust], "lock", 0, "counter is wrong: the lock does not exclude");
      return;
    }
    row.rep[row.n++] = (double)did * 1e9 / (double)(t[2 * r + 1] - t[2 * r]);
  }
  bench_emit(&row);
  munmap(b, bytes);
}

// ---- semaphores ----------------------------------------------------------------------------

typedef struct {
  _Alignas(64) sem_t ask;
  _Alignas(64) sem_t answer;
} sems;

static void sem_call(void *p) {
  sems *s = p;
  sem_post(&s->ask);
  while (sem_wait(&s->answer)) {}
}
static void sem_serve(void *p) {
  sems *s = p;
  while (sem_wait(&s->ask)) {}
  sem_post(&s->answer);
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  if (bench_is("mutex")) {
    for (int robust = 0; robust < 2; robust++) contended(robust);
    bench_pin(bench.core_a);
    for (int robust = 0; robust < 2; robust++) uncontended(robust);
  } else if (bench_is("sem")) {
    sems *s = bench_shared(4096);
    sem_init(&s->ask, 1, 0);
    sem_init(&s->answer, 1, 0);
    bench_pingpong_t l = {.row = {.contender = "sem_t",
                              .lang = "C",
                              .test = "wake",
                              .what = "wait/wake round trip",
                              .wait = "block"},
        .ctx = s,
        .call = sem_call,
        .serve = sem_serve};
    bench_pingpong(&l);
  } else return fprintf(stderr, "locks: unknown mode '%s'\n", bench.mode), 2;
  return 0;
}

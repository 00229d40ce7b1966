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
// contender: name="pthread mutex, contended" mode=contended group=contended
// contender: name="pthread mutex, handed over" mode=passing group=asleep
// contender: name="pthread condition" mode=condition group=asleep
// contender: name="sem_t" mode=sem group=wake also=asleep
// flags: -pthread

// Process-shared locks: what lock and unlock cost alone, how several processes share a lock, and how
// a sleeper is woken.
#include "bench.h"
#include "crowd.h"
#include "passing.h"
#include <pthread.h>
#include <semaphore.h>

typedef struct {
  _Alignas(64) pthread_mutex_t m;
  pthread_cond_t turned;
  _Alignas(64) uint64_t counter;
} lockbox;

static lockbox *box_new(int robust) {
  lockbox *b = bench_shared(4096);
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  if (robust) pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&b->m, &a);
  pthread_condattr_t c;
  pthread_condattr_init(&c);
  pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&b->turned, &c);
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

static void count_one(void *p, uint64_t number) {
  (void)number;
  lock_unlock(p);
}
static int is_counted(void *p, uint64_t done) {
  return ((lockbox *)p)->counter == done;
}

static void contended(int robust) {
  static const int processes[] = {2, 4, 8};
  for (int i = 0; i < 3; i++) {
    char what[32];
    snprintf(what, sizeof what, "%d processes", processes[i]);
    bench_crowd_t c = {.row = {.contender = name[robust],
                           .lang = "C",
                           .test = "contended",
                           .unit = "ops/s",
                           .what = what},
        .ctx = box_new(robust),
        .senders = processes[i],
        .send = count_one,
        .is_right = is_counted};
    bench_crowd(&c);
  }
}

static void hold(void *p, void (*body)(void *), void *arg) {
  lockbox *b = p;
  pthread_mutex_lock(&b->m);
  body(arg);
  pthread_mutex_unlock(&b->m);
}
static void passing(int robust) {
  bench_passing_t l = {
      .row = {.contender = name[robust], .lang = "C"}, .ctx = box_new(robust), .hold = hold};
  bench_passing(&l);
}

// ---- conditions ----------------------------------------------------------------------------

// The counter is odd after a question, and even after its answer.
static void condition_call(void *p) {
  lockbox *b = p;
  pthread_mutex_lock(&b->m);
  b->counter++;
  pthread_cond_broadcast(&b->turned);
  while (b->counter & 1) pthread_cond_wait(&b->turned, &b->m);
  pthread_mutex_unlock(&b->m);
}
static void condition_serve(void *p) {
  lockbox *b = p;
  pthread_mutex_lock(&b->m);
  while (!(b->counter & 1)) pthread_cond_wait(&b->turned, &b->m);
  b->counter++;
  pthread_cond_broadcast(&b->turned);
  pthread_mutex_unlock(&b->m);
}
static void condition(void) {
  bench_pingpong_t l = {.row = {.contender = "pthread condition",
                            .lang = "C",
                            .test = "wake",
                            .wait = "block"},
      .ctx = box_new(0),
      .call = condition_call,
      .serve = condition_serve};
  bench_pingpong(&l);
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
    bench_pin(bench.core_a);
    for (int robust = 0; robust < 2; robust++) uncontended(robust);
  } else if (bench_is("contended")) contended(0), contended(1);
  else if (bench_is("passing")) passing(0), passing(1);
  else if (bench_is("condition")) condition();
  else if (bench_is("sem")) {
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

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

// A lock that its holder hands to a waiter that sleeps.
#ifndef BENCH_PASSING_H
#define BENCH_PASSING_H
#include "bench.h"

// Two processes hold the lock in turn. The holder pauses, so that the other one, which wants the
// lock, goes to sleep; reads the clock, and releases the lock. The waiter reads the clock as soon as
// it holds the lock: the time in between is the figure. The last holder asks for the lock again only
// when the other one has it.
struct bench_passing_ctl {
  uint64_t taken; // turns that have begun
  uint64_t released_at;
  uint64_t ready, sleeps;
  alignas(64) uint64_t line[2][8];
  uint64_t took[]; // of each turn
};
typedef struct {
  bench_row row;
  void *ctx;
  void (*open)(void *); // in the child; may be NULL
  void (*hold)(void *, void (*body)(void *), void *arg); // calls `body` while it holds the lock
  struct bench_passing_ctl *ctl;
  uint64_t turn, asked; // the sleeps of this side when it asked
} bench_passing_t;

static uint64_t bench_passing_turns(void) {
  return (uint64_t)(bench.reps + 1) * (uint64_t)bench_pauses(); // the first of them is the warm-up
}

static void bench_passing_body(void *p) {
  bench_passing_t *l = (bench_passing_t *)p;
  struct bench_passing_ctl *ctl = l->ctl;
  uint64_t now = bench_now();
  ctl->took[l->turn] = now - ctl->released_at;
  ctl->sleeps += bench_sleeps() != l->asked;
  bench_store(&ctl->taken, l->turn + 1);
  bench_pause();
  ctl->released_at = bench_now();
}

// Turns alternate between the sides.
static void bench_passing_take(bench_passing_t *l, uint64_t side) {
  const struct timespec moment = {0, 20000};
  __atomic_fetch_add(&l->ctl->ready, 1, __ATOMIC_ACQ_REL);
  while (bench_load(&l->ctl->ready) < 2) sched_yield();
  for (l->turn = side; l->turn < bench_passing_turns(); l->turn += 2) {
    while (bench_load(&l->ctl->taken) < l->turn) nanosleep(&moment, NULL);
    l->asked = bench_sleeps();
    l->hold(l->ctx, bench_passing_body, l);
  }
}

BENCH_UNUSED static void bench_passing_first(bench_passing_t *l) {
  uint64_t turns = bench_passing_turns(), each = turns / (uint64_t)(bench.reps + 1);
  l->row.limit[0] = bench_line_lead(l->ctl->line[0]);
  bench_passing_take(l, 0);
  while (bench_load(&l->ctl->taken) < turns) sched_yield();
  l->row.limit[1] = bench_line_lead(l->ctl->line[1]);
  l->row.slept = (double)l->ctl->sleeps / (double)(turns - 1); // nobody holds it before the first
  for (uint64_t first = each; first < turns; first += each) {
    uint64_t *took = l->ctl->took + first;
    qsort(took, each, sizeof *took, bench_compare);
    l->row.rep[l->row.n++] = (double)took[each / 2];
    l->row.p99[l->row.np99++] = (double)took[each * 99 / 100];
  }
  bench_emit(&l->row);
}
BENCH_UNUSED static void bench_passing_second(bench_passing_t *l) {
  bench_line_follow(l->ctl->line[0]);
  bench_passing_take(l, 1);
  bench_line_follow(l->ctl->line[1]);
}

static void bench_passing_a(void *p) {
  bench_passing_t *l = (bench_passing_t *)p;
  if (l->open) l->open(l->ctx);
  bench_passing_first(l);
}
static void bench_passing_b(void *p) {
  bench_passing_t *l = (bench_passing_t *)p;
  if (l->open) l->open(l->ctx);
  bench_passing_second(l);
}

BENCH_UNUSED static void bench_passing_with(
    bench_passing_t *l, void (*a)(void *), void (*b)(void *), void *ctx) {
  if (!bench.asleep) return;
  size_t bytes = sizeof *l->ctl + bench_passing_turns() * sizeof *l->ctl->took;
  l->row.test = "passing";
  l->row.unit = "ns";
  bench_name_test(&l->row);
  l->ctl = (struct bench_passing_ctl *)bench_shared(bytes);
  if (bench_pair(a, b, ctx))
    bench_skip(l->row.contender, l->row.test, l->row.size, "failed or timed out");
  munmap(l->ctl, bytes);
}

BENCH_UNUSED static void bench_passing(bench_passing_t *l) {
  bench_passing_with(l, bench_passing_a, bench_passing_b, l);
}

#endif

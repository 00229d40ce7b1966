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

// Many processes at once: senders and receivers of one channel, or users of one lock.
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H
#include "bench.h"

// The senders share core_a and the receivers core_b; without receivers, the senders alternate
// between both. Each process counts what it has done, and the parent looks at the counts and at the
// clock: no process reads the clock in its loop. Then the senders stop; what they have sent has to
// arrive before they close their ends (a receiver of ZeroMQ may lose what a sender left behind).
//
// Each message is a number: its sender above BENCH_SENDER_SHIFT, and below it how many that one has
// sent. A receiver gets the messages of one sender in order; it may miss some if `copies` is 0.
#define BENCH_SENDER_SHIFT 48
#define BENCH_CROWD_WARMUP_US 10000
#define BENCH_CROWD_LEAST_MS 20 // of a repetition: processes that share a core take turns

struct bench_worker {
  alignas(64) uint64_t done;
  uint64_t sum;
};
struct bench_crowd_ctl {
  uint64_t ready, go, stop, stopped, leave, is_wrong;
  double line_ns; // the cache-line round trip, measured last
  alignas(64) uint64_t line[2][8];
  struct bench_worker worker[BENCH_MAX_CHILDREN];
};
typedef struct {
  bench_row row;  // how much arrives; without receivers, how much is done
  bench_row cost; // the time that each sender needs for an operation; left out without a contender
  void *ctx;
  int senders, receivers;
  int copies; // how many receivers get each message; 0: those that are fast enough
  void (*open_tx)(void *), (*open_rx)(void *); // in the child; may be NULL
  void (*send)(void *, uint64_t number);
  uint64_t (*receive)(void *); // waits for a message
  void (*close_tx)(void *);    // may be NULL; a receiver is killed while it waits
  int (*is_right)(void *, uint64_t done); // may be NULL; in the parent, after the senders have ended
  struct bench_crowd_ctl *ctl;
  int me;
} bench_crowd_t;

static void bench_crowd_begin(bench_crowd_t *c) {
  __atomic_fetch_add(&c->ctl->ready, 1, __ATOMIC_ACQ_REL);
  while (!bench_load(&c->ctl->go)) sched_yield();
}

BENCH_UNUSED static void bench_crowd_send(bench_crowd_t *c) {
  struct bench_worker *me = &c->ctl->worker[c->me];
  uint64_t number = (uint64_t)c->me << BENCH_SENDER_SHIFT;
  bench_crowd_begin(c);
  while (!bench_load(&c->ctl->stop)) {
    c->send(c->ctx, ++number);
    me->sum += number;
    bench_store(&me->done, me->done + 1);
  }
  __atomic_fetch_add(&c->ctl->stopped, 1, __ATOMIC_ACQ_REL);
  while (!bench_load(&c->ctl->leave)) usleep(200);
}

BENCH_UNUSED static void bench_crowd_receive(bench_crowd_t *c) {
  struct bench_worker *me = &c->ctl->worker[c->me];
  uint64_t last[BENCH_MAX_CHILDREN] = {0};
  bench_crowd_begin(c);
  for (;;) {
    uint64_t number = c->receive(c->ctx), sender = number >> BENCH_SENDER_SHIFT;
    if (sender >= (uint64_t)c->senders || number <= last[sender]) {
      fprintf(stderr, "%s: message %llx out of order\n", c->row.contender,
          (unsigned long long)number);
      bench_store(&c->ctl->is_wrong, 1);
      exit(1);
    }
    last[sender] = number;
    me->sum += number;
    bench_store(&me->done, me->done + 1);
  }
}

static void bench_crowd_sender(void *p) {
  bench_crowd_t *c = (bench_crowd_t *)p;
  if (c->open_tx) c->open_tx(c->ctx);
  bench_crowd_send(c);
  if (c->close_tx) c->close_tx(c->ctx);
}
static void bench_crowd_receiver(void *p) {
  bench_crowd_t *c = (bench_crowd_t *)p;
  if (c->open_rx) c->open_rx(c->ctx);
  bench_crowd_receive(c);
}

static struct bench_worker bench_crowd_total(bench_crowd_t *c, int first, int end) {
  struct bench_worker total = {0, 0};
  for (int i = first; i < end; i++) {
    total.done += bench_load(&c->ctl->worker[i].done);
    total.sum += c->ctl->worker[i].sum;
  }
  return total;
}

static void bench_crowd_lead(void *p) {
  bench_crowd_t *c = (bench_crowd_t *)p;
  c->ctl->line_ns = bench_line_lead(c->ctl->line[c->me]);
}
static void bench_crowd_follow(void *p) {
  bench_crowd_t *c = (bench_crowd_t *)p;
  bench_line_follow(c->ctl->line[c->me]);
}
// The cache-line round trip between the two cores now.
static double bench_crowd_line(bench_crowd_t *c, int index) {
  c->me = index;
  return bench_pair(bench_crowd_lead, bench_crowd_follow, c) ? 0 : c->ctl->line_ns;
}

// Waits until `count` children have counted up a word. 0 when they have; one that ended has failed.
static int bench_crowd_await(uint64_t *word, int count, int all) {
  while (bench_load(word) < (uint64_t)count) {
    usleep(200);
    for (int i = 0; i < all; i++) {
      if (!bench_child[i] || waitpid(bench_child[i], NULL, WNOHANG) <= 0) continue;
      bench_child[i] = 0;
      return 1;
    }
  }
  return 0;
}

// Repeats the measurement. Returns NULL, or why it was not possible.
static const char *bench_crowd_measure(bench_crowd_t *c, int all) {
  int first = c->receivers ? c->senders : 0; // whose work counts
  int ms = bench.ms < BENCH_CROWD_LEAST_MS ? BENCH_CROWD_LEAST_MS : bench.ms;
  usleep(BENCH_CROWD_WARMUP_US);
  for (int r = 0; r < bench.reps; r++) {
    uint64_t sent = bench_crowd_total(c, 0, c->senders).done;
    uint64_t done = bench_crowd_total(c, first, all).done;
    uint64_t begin = bench_now(), ns;
    double sent_now, done_now;
    do {
      usleep((useconds_t)ms * 1000);
      ns = bench_now() - begin;
      sent_now = (double)(bench_crowd_total(c, 0, c->senders).done - sent);
      done_now = (double)(bench_crowd_total(c, first, all).done - done);
      if (ns > 5000000000ull) return "nothing is done in five seconds";
    } while (sent_now < 1 || done_now < 1);
    c->row.rep[c->row.n++] = done_now * 1e9 / (double)ns;
    c->cost.rep[c->cost.n++] = (double)ns * c->senders / sent_now;
  }
  return NULL;
}

// Ends the processes. Returns NULL, or an error if messages were lost or came twice.
static const char *bench_crowd_end(bench_crowd_t *c, int all) {
  bench_store(&c->ctl->stop, 1);
  int has_failed = bench_crowd_await(&c->ctl->stopped, c->senders, all);
  struct bench_worker sent = bench_crowd_total(c, 0, c->senders);
  uint64_t copies = c->receivers ? (uint64_t)c->copies : 0;
  for (int i = 0; !has_failed && copies && i < 5000; i++) {
    if (bench_crowd_total(c, c->senders, all).done >= sent.done * copies) break;
    usleep(1000);
  }
  bench_store(&c->ctl->leave, 1);
  if (has_failed) bench_kill_children(0);
  has_failed |= bench_await(0, c->senders);
  bench_kill_children(0);
  bench_await(c->senders, all);
  if (bench_load(&c->ctl->is_wrong)) return "messages are out of order";
  if (has_failed) return "failed or timed out";
  struct bench_worker got = bench_crowd_total(c, c->senders, all);
  if (copies && (got.done != sent.done * copies || got.sum != sent.sum * copies))
    return "messages were lost or came twice";
  if (c->is_right && !c->is_right(c->ctx, sent.done)) return "the count is wrong";
  return NULL;
}

BENCH_UNUSED static void bench_crowd_with(
    bench_crowd_t *c, void (*sender)(void *), void (*receiver)(void *), void *ctx) {
  if (!bench_wants(c->row.test)) return;
  int all = c->senders + c->receivers;
  c->ctl = (struct bench_crowd_ctl *)bench_shared(sizeof *c->ctl);
  c->row.limit[0] = c->cost.limit[0] = bench_crowd_line(c, 0);
  for (c->me = 0; c->me < all; c->me++) {
    int on_b = c->receivers ? c->me >= c->senders : c->me % 2;
    bench_start(
        c->me, on_b ? bench.core_b : bench.core_a, c->me < c->senders ? sender : receiver, ctx);
  }
  bench_limit_time();
  const char *why = NULL;
  if (bench_crowd_await(&c->ctl->ready, all, all)) bench_kill_children(0);
  else {
    bench_store(&c->ctl->go, 1);
    why = bench_crowd_measure(c, all);
  }
  const char *wrong = bench_crowd_end(c, all);
  why = wrong ? wrong : why;
  alarm(0);
  c->row.limit[1] = c->cost.limit[1] = bench_crowd_line(c, 1);
  if (why) bench_skip(c->row.contender, c->row.test, c->row.size, why);
  else {
    bench_emit(&c->row);
    if (c->cost.contender) bench_emit(&c->cost);
  }
  munmap(c->ctl, sizeof *c->ctl);
}

BENCH_UNUSED static void bench_crowd(bench_crowd_t *c) {
  bench_crowd_with(c, bench_crowd_sender, bench_crowd_receiver, c);
}

#endif

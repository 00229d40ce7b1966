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

#include "bench.h"
#include "crowd.h"
#include "passing.h"
#include "CHarness.h"

void harness_begin(int argc, char **argv) {
  bench_init(argc, argv);
}
const char *harness_mode(void) {
  return bench.mode;
}
int harness_size_count(void) {
  return bench.nsizes;
}
size_t harness_size(int index) {
  return bench.sizes[index];
}
void harness_pin(void) {
  bench_pin(bench.core_a);
}
uint64_t harness_now(void) {
  return bench_now();
}

int harness_is_asleep(void) {
  return bench.asleep;
}

static bench_row row_of(const harness_case *c) {
  bench_row row = {.contender = c->contender,
      .lang = "Swift",
      .test = c->test,
      .what = c->what,
      .wait = c->wait,
      .unit = c->unit,
      .note = c->note,
      .size = c->size};
  bench_name_test(&row);
  return row;
}

void harness_time(const harness_case *c, size_t count, harness_function op, void *context) {
  if (bench.asleep) return;
  bench_row row = row_of(c);
  bench_time_each(&row, count, op, context);
  bench_emit(&row);
}

void harness_emit(const harness_case *c, double value) {
  bench_row row = row_of(c);
  row.rep[row.n++] = value;
  bench_emit(&row);
}

void harness_skip(const harness_case *c, const char *why) {
  bench_skip(c->contender, c->test, c->size, why);
}

// The state that the two processes of a pair share. They are forked after it is created.
static void *control;

void harness_pair(const harness_case *c, harness_function a, harness_function b, void *context) {
  if (!bench_wants(c->test)) return;
  control = bench_shared(4096);
  if (bench_pair(a, b, context))
    bench_skip(c->contender, row_of(c).test, c->size, "failed or timed out");
  munmap(control, 4096);
}

void harness_call(const harness_case *c, harness_function call, void *context) {
  bench_pingpong_t l = {.row = row_of(c), .ctx = context, .call = call, .ctl = control};
  bench_pp_client(&l);
}

void harness_serve(harness_function serve, void *context) {
  bench_pingpong_t l = {.ctx = context, .serve = serve, .ctl = control};
  bench_pp_server(&l);
}

typedef struct {
  harness_messages move;
  void *context;
} messages;

static void produce(void *p, uint64_t first, uint64_t n) {
  messages *m = p;
  m->move(m->context, first, n);
}
static uint64_t consume(void *p, uint64_t first, uint64_t n) {
  messages *m = p;
  return m->move(m->context, first, n);
}

void harness_send(harness_messages send, void *context) {
  messages m = {send, context};
  bench_stream_t s = {.ctx = &m, .produce = produce, .ctl = control};
  bench_st_tx(&s);
}

void harness_receive(const harness_case *c, harness_messages receive, void *context) {
  messages m = {receive, context};
  bench_stream_t s = {.row = row_of(c), .ctx = &m, .consume = consume, .ctl = control};
  bench_st_rx(&s);
}

// What the processes of a crowd and of a lock that is passed are forked with.
static bench_crowd_t *crowd;
static bench_passing_t *passing;

void harness_crowd(
    const harness_case *c, const harness_case *cost, int senders, int receivers, int copies,
    harness_function sender, harness_function receiver, harness_check is_right, void *context) {
  bench_crowd_t l = {.row = row_of(c),
      .ctx = context,
      .senders = senders,
      .receivers = receivers,
      .copies = copies,
      .is_right = is_right};
  if (cost) l.cost = row_of(cost);
  crowd = &l;
  bench_crowd_with(&l, sender, receiver, context);
}

void harness_crowd_send(harness_send_one send, void *context) {
  crowd->send = send;
  crowd->ctx = context;
  bench_crowd_send(crowd);
}

void harness_crowd_receive(harness_receive_one receive, void *context) {
  crowd->receive = receive;
  crowd->ctx = context;
  bench_crowd_receive(crowd);
}

static harness_function take;
static void first(void *context) {
  take(context);
}
static void second(void *context) {
  passing->turn = 1;
  take(context);
}

void harness_passing(const harness_case *c, harness_function side, void *context) {
  bench_passing_t l = {.row = row_of(c)};
  passing = &l;
  take = side;
  bench_passing_with(&l, first, second, context);
}

void harness_pass(harness_hold hold, void *context) {
  passing->hold = hold;
  passing->ctx = context;
  if (passing->turn) bench_passing_second(passing);
  else bench_passing_first(passing);
}

void harness_child(harness_function function, void *context) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) bench_die("fork");
  if (pid == 0) {
    function(context);
    _exit(0);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (status) bench_die("a child");
}

void harness_end_abruptly(void) {
  _exit(0);
}

static uint64_t nanoseconds_of(struct timeval t) {
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

void harness_usage(uint64_t *nanoseconds, uint64_t *waits) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  *nanoseconds = nanoseconds_of(usage.ru_utime) + nanoseconds_of(usage.ru_stime);
  *waits = (uint64_t)usage.ru_nvcsw;
}

int harness_allow_files(size_t count) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return 0;
  if (limit.rlim_cur >= count) return 1;
  limit.rlim_cur = count;
  if (limit.rlim_max < count) limit.rlim_max = count;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

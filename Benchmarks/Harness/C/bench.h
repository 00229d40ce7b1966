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

// Measuring harness shared by every C and C++ contender. Header only, C11 and C++17.
//
// A contender supplies callbacks; the harness forks both sides as fresh children, pins them to
// different cores, warms up, repeats, and prints one JSON object per measured case on stdout.
// The JSON lines are the whole contract with the driver: see Benchmarks/README.md.
#ifndef BENCH_H
#define BENCH_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__GNUC__)
#define BENCH_UNUSED __attribute__((unused))
#endif

// ---- options -------------------------------------------------------------------------------

static struct {
  int reps; // repetitions of every measurement
  int ms;   // length of one repetition
  int core_a, core_b;
  const char *mode;
  size_t sizes[32];
  int nsizes;
} bench = {5, 100, 0, 1, "", {8, 1024, 65536, 1048576}, 4};

#define BENCH_MAX_REPS 64
#define BENCH_MAX_SAMPLES 200000

BENCH_UNUSED static void bench_die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

BENCH_UNUSED static void bench_init(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--reps") && i + 1 < argc) bench.reps = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--ms") && i + 1 < argc) bench.ms = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--cores") && i + 1 < argc)
      sscanf(argv[++i], "%d,%d", &bench.core_a, &bench.core_b);
    else if (!strcmp(argv[i], "--sizes") && i + 1 < argc) {
      bench.nsizes = 0;
      for (char *t = strtok(argv[++i], ","); t && bench.nsizes < 32; t = strtok(NULL, ","))
        bench.sizes[bench.nsizes++] = strtoull(t, NULL, 10);
    } else bench.mode = argv[i];
  }
  if (bench.reps > BENCH_MAX_REPS) bench.reps = BENCH_MAX_REPS;
}

static inline int bench_is(const char *mode) {
  return !strcmp(bench.mode, mode);
}

// ---- time, cores, memory -------------------------------------------------------------------

static inline uint64_t bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

BENCH_UNUSED static void bench_pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set)) bench_die("sched_setaffinity");
}

BENCH_UNUSED static void *bench_shared(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) bench_die("mmap");
  memset(p, 0, bytes);
  return p;
}

BENCH_UNUSED static char *bench_buffer(size_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 4096, bytes < 64 ? 64 : bytes)) bench_die("posix_memalign");
  memset(p, 0x5a, bytes);
  return (char *)p;
}

#define bench_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define bench_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

// ---- result rows ---------------------------------------------------------------------------

typedef struct {
  const char *contender; // "pipe"
  const char *lang;      // "C"
  const char *test;      // pingpong | stream | wake | lock | lifecycle | memcpy
  const char *what;      // case within the test, may be NULL
  const char *wait;      // spin | block | - : how a side waits for the other
  const char *unit;      // ns | msg/s | ops/s | GB/s
  size_t size;           // payload bytes, 0 if it has none
  const char *note;      // may be NULL
  int n, np99, np999;
  double rep[BENCH_MAX_REPS], p99[BENCH_MAX_REPS], p999[BENCH_MAX_REPS];
  double limit[2]; // cache-line round trip of the same two processes, before and after
} bench_row;

BENCH_UNUSED static void bench_emit(const bench_row *r) {
  printf("{\"contender\":\"%s\",\"lang\":\"%s\",\"test\":\"%s\",\"case\":\"%s\",\"wait\":\"%s\","
         "\"unit\":\"%s\",\"size\":%zu,\"note\":\"%s\",\"reps\":[",
      r->contender, r->lang, r->test, r->what ? r->what : "", r->wait ? r->wait : "-", r->unit,
      r->size, r->note ? r->note : "");
  for (int i = 0; i < r->n; i++) printf("%s%.6g", i ? "," : "", r->rep[i]);
  printf("],\"p99\":[");
  for (int i = 0; i < r->np99; i++) printf("%s%.6g", i ? "," : "", r->p99[i]);
  printf("],\"p999\":[");
  for (int i = 0; i < r->np999; i++) printf("%s%.6g", i ? "," : "", r->p999[i]);
  if (r->limit[0] > 0) printf("],\"limit_ns\":[%.4g,%.4g", r->limit[0], r->limit[1]);
  printf("]}\n");
  fflush(stdout);
}

BENCH_UNUSED static void bench_skip(
    const char *contender, const char *test, size_t size, const char *why) {
  printf("{\"contender\":\"%s\",\"test\":\"%s\",\"size\":%zu,\"skip\":\"%s\"}\n", contender, test,
      size, why);
  fflush(stdout);
}

// ---- timing one operation repeatedly -------------------------------------------------------

static int bench_compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

// One pass of `ns` nanoseconds; one sample is `group` operations. Returns the sample count.
static int bench_pass(void (*op)(void *), void *ctx, uint64_t ns, int group, uint64_t *samples) {
  int n = 0;
  uint64_t begin = bench_now(), last = begin;
  while (n < BENCH_MAX_SAMPLES) {
    for (int i = 0; i < group; i++) op(ctx);
    uint64_t t = bench_now();
    samples[n++] = t - last;
    last = t;
    if (t - begin >= ns) break;
  }
  qsort(samples, (size_t)n, sizeof *samples, bench_compare);
  return n;
}

// Fills in row->rep with the p50 of each repetition, and row->p99 and row->p999 from singly timed
// operations. Short operations are timed in groups of about 2 us, so that reading the clock hardly
// counts; the p99 of one shorter than 80 ns would be the clock's and is left out. One call of `op`
// is `count` operations, and the figures are for one of them. For the unit GB/s they are converted.
BENCH_UNUSED static void bench_time_each(
    bench_row *row, size_t count, void (*op)(void *), void *ctx) {
  uint64_t *samples = (uint64_t *)malloc(BENCH_MAX_SAMPLES * sizeof *samples);
  memset(samples, 0, BENCH_MAX_SAMPLES * sizeof *samples);
  uint64_t ns = (uint64_t)bench.ms * 1000000ull;
  int n = bench_pass(op, ctx, ns / 4, 1, samples); // warm-up, and sets the group size
  uint64_t typical = samples[n / 2] ? samples[n / 2] : 1;
  int group = typical >= 2000 ? 1 : (int)(2000 / typical) + 1;
  int gigabytes = row->unit[0] == 'G';
  for (int r = 0; r < bench.reps; r++) {
    n = bench_pass(op, ctx, ns, group, samples);
    double each = (double)samples[n / 2] / group / (double)count;
    row->rep[row->n++] = gigabytes ? (double)row->size / each : each;
    if (gigabytes || count > 1 || typical < 80) continue;
    if (group > 1) n = bench_pass(op, ctx, ns / 4, 1, samples);
    row->p99[row->np99++] = (double)samples[(size_t)n * 99 / 100];
    if (n >= 1000) row->p999[row->np999++] = (double)samples[(size_t)n * 999 / 1000];
  }
  free(samples);
}

BENCH_UNUSED static void bench_time(bench_row *row, void (*op)(void *), void *ctx) {
  bench_time_each(row, 1, op, ctx);
}

// ---- the limit: one cache line bounced between two processes ---------------------------------

// A virtual machine's cores move between the real ones, which changes every figure between cores
// by up to a factor of six. So the two processes of a case measure their own limit right
// before and right after it.
#define BENCH_LINE_END UINT64_MAX

// Odd numbers are the leader's, even ones the follower's answers. Returns ns per round trip.
BENCH_UNUSED static double bench_line_lead(uint64_t *line) {
  enum { BATCH = 16, MOST = 200, LEAST = 5 };
  if (bench.core_a == bench.core_b) return 0; // two cores or nothing
  uint64_t took[MOST];
  uint64_t v = 1, begin = bench_now(), last = begin;
  int n = 0;
  while (n < MOST && (n < LEAST || last - begin < 5000000)) {
    for (int i = 0; i < BATCH; i++, v += 2) {
      bench_store(line, v);
      while (bench_load(line) == v) {}
    }
    uint64_t t = bench_now();
    took[n++] = t - last;
    last = t;
  }
  bench_store(line, BENCH_LINE_END);
  qsort(took, (size_t)n, sizeof *took, bench_compare);
  return (double)took[n / 2] / BATCH;
}

BENCH_UNUSED static void bench_line_follow(uint64_t *line) {
  if (bench.core_a == bench.core_b) return;
  for (uint64_t seen = 0;;) {
    uint64_t v = bench_load(line);
    if (v == seen) continue;
    if (v == BENCH_LINE_END) return;
    seen = v + 1;
    bench_store(line, seen);
  }
}

// ---- two processes -------------------------------------------------------------------------

static pid_t bench_child[2];
static void bench_on_alarm(int sig) {
  (void)sig;
  for (int i = 0; i < 2; i++)
    if (bench_child[i] > 0) kill(bench_child[i], SIGKILL);
}

// Runs fn[0] on core_a and fn[1] on core_b, each in its own child. 0 when both ended well.
BENCH_UNUSED static int bench_pair(void (*a)(void *), void (*b)(void *), void *ctx) {
  void (*fn[2])(void *) = {a, b};
  int core[2] = {bench.core_a, bench.core_b}, bad = 0;
  fflush(stdout);
  for (int i = 0; i < 2; i++) {
    bench_child[i] = fork();
    if (bench_child[i] < 0) bench_die("fork");
    if (bench_child[i] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      bench_pin(core[i]);
      fn[i](ctx);
      fflush(stdout);
      exit(0);
    }
  }
  signal(SIGALRM, bench_on_alarm);
  alarm(30 + (unsigned)(bench.reps * bench.ms * 4 / 1000));
  for (int left = 2; left > 0;) {
    int st;
    pid_t p = wait(&st);
    if (p < 0) {
      if (errno == EINTR) continue;
      break;
    }
    for (int i = 0; i < 2; i++) {
      if (bench_child[i] != p) continue;
      bench_child[i] = 0;
      left--;
      if (st) {
        bad = 1;
        bench_on_alarm(0);
      }
    }
  }
  alarm(0);
  return bad;
}

// ---- ping-pong -----------------------------------------------------------------------------

// `call` sends row.size bytes and returns when the reply of the same size has been read;
// `serve` receives one message and sends it back. Both move the whole payload between the
// channel and a private buffer unless the case says otherwise.
struct bench_pp_ctl {
  uint64_t ready, last, room[6], line[2][8];
};
typedef struct {
  bench_row row;
  void *ctx;
  void (*open_client)(void *), (*open_server)(void *); // in the child; may be NULL
  void (*call)(void *), (*serve)(void *);
  void (*close)(void *); // both sides, at the end; may be NULL
  struct bench_pp_ctl *ctl;
  uint64_t calls;
} bench_pingpong_t;

static void bench_pp_call(void *p) {
  bench_pingpong_t *l = (bench_pingpong_t *)p;
  l->calls++;
  l->call(l->ctx);
}

static void bench_pp_client(void *p) {
  bench_pingpong_t *l = (bench_pingpong_t *)p;
  if (l->open_client) l->open_client(l->ctx);
  while (!bench_load(&l->ctl->ready)) sched_yield();
  l->row.limit[0] = bench_line_lead(l->ctl->line[0]);
  bench_time(&l->row, bench_pp_call, l);
  bench_store(&l->ctl->last, l->calls + 1); // the server leaves after this many
  bench_pp_call(l);
  l->row.limit[1] = bench_line_lead(l->ctl->line[1]);
  bench_emit(&l->row);
  if (l->close) l->close(l->ctx);
}

static void bench_pp_server(void *p) {
  bench_pingpong_t *l = (bench_pingpong_t *)p;
  if (l->open_server) l->open_server(l->ctx);
  bench_store(&l->ctl->ready, 1);
  bench_line_follow(l->ctl->line[0]);
  for (uint64_t served = 0; !served || served != bench_load(&l->ctl->last); served++)
    l->serve(l->ctx);
  bench_line_follow(l->ctl->line[1]);
  if (l->close) l->close(l->ctx);
}

BENCH_UNUSED static void bench_pingpong(bench_pingpong_t *l) {
  l->ctl = (struct bench_pp_ctl *)bench_shared(4096);
  if (!l->row.unit) l->row.unit = "ns";
  if (!l->row.test) l->row.test = "pingpong";
  if (bench_pair(bench_pp_client, bench_pp_server, l))
    bench_skip(l->row.contender, l->row.test, l->row.size, "failed or timed out");
  munmap(l->ctl, 4096);
}

// ---- one-way stream ------------------------------------------------------------------------

// `produce` sends n messages whose first 8 bytes count up from `first`; `consume` receives n
// and returns how many did not carry the expected number. Every message must arrive, in order.
struct bench_st_ctl {
  uint64_t ready, round, n, t0, room[4], line[2][8];
};
typedef struct {
  bench_row row;
  void *ctx;
  void (*open_tx)(void *), (*open_rx)(void *);
  void (*produce)(void *, uint64_t first, uint64_t n);
  uint64_t (*consume)(void *, uint64_t first, uint64_t n);
  void (*close)(void *); // both sides, at the end; may be NULL
  struct bench_st_ctl *ctl;
} bench_stream_t;

static void bench_st_tx(void *p) {
  bench_stream_t *s = (bench_stream_t *)p;
  if (s->open_tx) s->open_tx(s->ctx);
  bench_store(&s->ctl->ready, 1);
  bench_line_follow(s->ctl->line[0]);
  for (uint64_t round = 1, first = 0;; round++) {
    while (bench_load(&s->ctl->round) < round) sched_yield();
    uint64_t n = s->ctl->n;
    if (!n) break;
    bench_store(&s->ctl->t0, bench_now());
    s->produce(s->ctx, first, n);
    first += n;
  }
  bench_line_follow(s->ctl->line[1]);
  if (s->close) s->close(s->ctx);
}

static void bench_st_rx(void *p) {
  bench_stream_t *s = (bench_stream_t *)p;
  if (s->open_rx) s->open_rx(s->ctx);
  while (!bench_load(&s->ctl->ready)) sched_yield();
  s->row.limit[0] = bench_line_lead(s->ctl->line[0]);
  uint64_t n = 64, first = 0, want = (uint64_t)bench.ms * 1000000ull;
  int warm = 0;
  for (uint64_t round = 1; s->row.n < bench.reps; round++) {
    s->ctl->n = n;
    bench_store(&s->ctl->round, round);
    uint64_t wrong = s->consume(s->ctx, first, n);
    uint64_t ns = bench_now() - bench_load(&s->ctl->t0);
    if (wrong) {
      fprintf(stderr, "%s: %llu messages lost or out of order\n", s->row.contender,
          (unsigned long long)wrong);
      exit(1);
    }
    first += n;
    if (ns >= want / 2 || round > 1000) {
      if (warm) s->row.rep[s->row.n++] = (double)n * 1e9 / (double)ns;
      warm = round > 1; // the very first round also pays for connecting
    } else n = ns * 8 < want ? n * 4 : (uint64_t)((double)n * (double)want / (double)ns) + 1;
  }
  s->ctl->n = 0;
  bench_store(&s->ctl->round, s->ctl->round + 1);
  s->row.limit[1] = bench_line_lead(s->ctl->line[1]);
  bench_emit(&s->row);
  if (s->close) s->close(s->ctx);
}

BENCH_UNUSED static void bench_stream(bench_stream_t *s) {
  s->ctl = (struct bench_st_ctl *)bench_shared(4096);
  s->row.unit = "msg/s";
  s->row.test = "stream";
  if (bench_pair(bench_st_tx, bench_st_rx, s))
    bench_skip(s->row.contender, s->row.test, s->row.size, "failed or timed out");
  munmap(s->ctl, 4096);
}

// ---- payload numbering ---------------------------------------------------------------------

BENCH_UNUSED static inline void bench_mark(char *buf, uint64_t v) {
  memcpy(buf, &v, 8);
}
BENCH_UNUSED static inline uint64_t bench_read_mark(const char *buf) {
  uint64_t v;
  memcpy(&v, buf, 8);
  return v;
}

#endif

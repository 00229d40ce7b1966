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
// The JSON lines are the whole contract with the driver: see Benchmarks/README.md. More than two
// processes are in crowd.h, and locks that are handed to a sleeper in passing.h.
#ifndef BENCH_H
#define BENCH_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
  int asleep; // measure round trips to a receiver that sleeps, and nothing else
} bench = {5, 100, 0, 1, "", {8, 1024, 65536, 1048576}, 4, 0};

// The payloads of all streams.
BENCH_UNUSED static const size_t bench_stream_sizes[] = {8, 64, 1024, 4096};
#define BENCH_STREAMS ((int)(sizeof bench_stream_sizes / sizeof *bench_stream_sizes))

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
    } else if (!strcmp(argv[i], "--asleep")) bench.asleep = 1;
    else bench.mode = argv[i];
  }
  if (bench.reps > BENCH_MAX_REPS) bench.reps = BENCH_MAX_REPS;
}

static inline int bench_one_core(void) {
  return bench.core_a == bench.core_b;
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

// For loops that wait for the other side: leaves the line alone for a moment. As the library does.
static inline void bench_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
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
  double slept;    // for which part of the messages the receiver slept, if it should
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
  printf("]");
  if (bench.asleep && strcmp(r->test, "one core")) printf(",\"slept\":%.3f", r->slept);
  printf("}\n");
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

// ---- a receiver that sleeps ------------------------------------------------------------------

// Longer than any contender spins, and than a processor without work is kept awake in a virtual
// machine.
#define BENCH_PAUSE_NS 500000
#define BENCH_LEAST_PAUSES 20 // however short a repetition is
// Looking whether the receiver has slept takes time, which the median must not contain.
#define BENCH_LOOK_EVERY 8

// The caller sleeps as well: on one processor, the receiver could not go to sleep otherwise.
BENCH_UNUSED static void bench_pause(void) {
  struct timespec t = {0, BENCH_PAUSE_NS};
  nanosleep(&t, NULL);
}

// How often this thread gave its processor away because it had to wait.
BENCH_UNUSED static uint64_t bench_sleeps(void) {
  struct rusage use;
  getrusage(RUSAGE_THREAD, &use);
  return (uint64_t)use.ru_nvcsw;
}

// How many pauses are one repetition.
BENCH_UNUSED static int bench_pauses(void) {
  int n = bench.ms * (1000000 / BENCH_PAUSE_NS);
  return n < BENCH_LEAST_PAUSES ? BENCH_LEAST_PAUSES : n;
}

// With --asleep, round trips and hand-overs are other tests, and all else is left out. On one core,
// round trips without pauses are also measured: a side that spins keeps the other from running.
static int bench_wants(const char *test) {
  return !bench.asleep || !strcmp(test, "pingpong") || !strcmp(test, "wake") ||
         !strcmp(test, "passing");
}
BENCH_UNUSED static void bench_name_test(bench_row *row) {
  if (!bench.asleep) return;
  int is_lock = !strcmp(row->test, "passing");
  if (bench_one_core()) row->test = is_lock ? "passing, one core" : "asleep, one core";
  else row->test = is_lock ? "passing" : "asleep";
  row->wait = "block";
}

// As bench_time, with a pause before each operation, which is not counted.
BENCH_UNUSED static void bench_time_asleep(bench_row *row, void (*op)(void *), void *ctx) {
  int count = bench_pauses();
  uint64_t *samples = (uint64_t *)malloc((size_t)count * sizeof *samples);
  for (int r = -1; r < bench.reps; r++) {
    for (int i = 0; i < count; i++) {
      bench_pause();
      uint64_t begin = bench_now();
      op(ctx);
      samples[i] = bench_now() - begin;
    }
    if (r < 0) continue; // warm-up
    qsort(samples, (size_t)count, sizeof *samples, bench_compare);
    row->rep[row->n++] = (double)samples[count / 2];
    row->p99[row->np99++] = (double)samples[count * 99 / 100];
  }
  free(samples);
}

// ---- the limit: one cache line bounced between two processes ---------------------------------

// A virtual machine's cores move between the real ones, which changes every figure between cores
// by up to a factor of six. So the two processes of a case measure their own limit right
// before and right after it.
#define BENCH_LINE_END UINT64_MAX

// Odd numbers are the leader's, even ones the follower's answers. Returns ns per round trip.
BENCH_UNUSED static double bench_line_lead(uint64_t *line) {
  enum { BATCH = 16, MOST = 200, LEAST = 5 };
  if (bench_one_core()) return 0;
  uint64_t took[MOST];
  uint64_t v = 1, begin = bench_now(), last = begin;
  int n = 0;
  while (n < MOST && (n < LEAST || last - begin < 5000000)) {
    for (int i = 0; i < BATCH; i++, v += 2) {
      bench_store(line, v);
      while (bench_load(line) == v) bench_relax();
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
  if (bench_one_core()) return;
  for (uint64_t seen = 0;;) {
    uint64_t v = bench_load(line);
    if (v == seen) {
      bench_relax();
      continue;
    }
    if (v == BENCH_LINE_END) return;
    seen = v + 1;
    bench_store(line, seen);
  }
}

// ---- two processes -------------------------------------------------------------------------

#define BENCH_MAX_CHILDREN 32
static pid_t bench_child[BENCH_MAX_CHILDREN];
BENCH_UNUSED static void bench_kill_children(int sig) {
  (void)sig;
  for (int i = 0; i < BENCH_MAX_CHILDREN; i++)
    if (bench_child[i] > 0) kill(bench_child[i], SIGKILL);
}

// Runs a function in child `i`, pinned to a core.
BENCH_UNUSED static void bench_start(int i, int core, void (*run)(void *), void *ctx) {
  fflush(stdout);
  bench_child[i] = fork();
  if (bench_child[i] < 0) bench_die("fork");
  if (bench_child[i]) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bench_pin(core);
  run(ctx);
  fflush(stdout);
  exit(0);
}

// Kills all children if it all takes too long.
BENCH_UNUSED static void bench_limit_time(void) {
  signal(SIGALRM, bench_kill_children);
  alarm(30 + (unsigned)(bench.reps * bench.ms * 4 / 1000));
}

// Waits until children `first` to `end` have ended. 0 when all ended well; if one did not, kills all.
BENCH_UNUSED static int bench_await(int first, int end) {
  int bad = 0, left = 0;
  for (int i = first; i < end; i++) left += bench_child[i] > 0;
  while (left > 0) {
    int st;
    pid_t p = wait(&st);
    if (p < 0) {
      if (errno == EINTR) continue;
      break;
    }
    for (int i = 0; i < BENCH_MAX_CHILDREN; i++) {
      if (bench_child[i] != p) continue;
      bench_child[i] = 0;
      left -= i >= first && i < end;
      if (st) {
        bad = 1;
        bench_kill_children(0);
      }
    }
  }
  return bad;
}

// Runs one function on core_a and one on core_b, each in its own child. 0 when both ended well.
BENCH_UNUSED static int bench_pair(void (*a)(void *), void (*b)(void *), void *ctx) {
  bench_start(0, bench.core_a, a, ctx);
  bench_start(1, bench.core_b, b, ctx);
  bench_limit_time();
  int bad = bench_await(0, 2);
  alarm(0);
  return bad;
}

// ---- ping-pong -----------------------------------------------------------------------------

// `call` sends row.size bytes and returns when the reply of the same size has been read;
// `serve` receives one message and sends it back. Both move the whole payload between the
// channel and a private buffer unless the case says otherwise.
struct bench_pp_ctl {
  uint64_t ready, last, looks, sleeps, room[4], line[2][8];
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
  bench_row more = l->row;
  if (bench.asleep) {
    bench_time_asleep(&l->row, bench_pp_call, l);
    l->row.slept = (double)bench_load(&l->ctl->sleeps) / (double)bench_load(&l->ctl->looks);
  }
  if (!bench.asleep) bench_time(&l->row, bench_pp_call, l);
  else if (bench_one_core()) {
    more.test = "one core";
    bench_time(&more, bench_pp_call, l);
  }
  bench_store(&l->ctl->last, l->calls + 1); // the server leaves after this many
  bench_pp_call(l);
  l->row.limit[1] = bench_line_lead(l->ctl->line[1]);
  bench_emit(&l->row);
  if (more.n) bench_emit(&more);
  if (l->close) l->close(l->ctx);
}

static void bench_pp_server(void *p) {
  bench_pingpong_t *l = (bench_pingpong_t *)p;
  if (l->open_server) l->open_server(l->ctx);
  bench_store(&l->ctl->ready, 1);
  bench_line_follow(l->ctl->line[0]);
  for (uint64_t served = 0; !served || served != bench_load(&l->ctl->last); served++) {
    int looking = bench.asleep && served % BENCH_LOOK_EVERY == 0;
    uint64_t before = looking ? bench_sleeps() : 0;
    l->serve(l->ctx);
    if (!looking) continue;
    bench_store(&l->ctl->sleeps, l->ctl->sleeps + (bench_sleeps() != before));
    bench_store(&l->ctl->looks, l->ctl->looks + 1);
  }
  bench_line_follow(l->ctl->line[1]);
  if (l->close) l->close(l->ctx);
}

BENCH_UNUSED static void bench_pingpong(bench_pingpong_t *l) {
  if (!l->row.unit) l->row.unit = "ns";
  if (!l->row.test) l->row.test = "pingpong";
  if (!bench_wants(l->row.test)) return;
  bench_name_test(&l->row);
  l->ctl = (struct bench_pp_ctl *)bench_shared(4096);
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
  if (bench.asleep) return;
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

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

// contender: name="cache line" mode=cacheline group=limit
// contender: name="memcpy" mode=copy group=copy
// sizes: 1K,64K,1M,64M
// curve: 8,64,1K,16K,256K,4M,64M,1G
// contender: name="futex" mode=futex group=wake also=asleep
// contender: name="futex, handed over" mode=passing group=asleep
// contender: name="shm_open" mode=lifecycle group=lifecycle
// sizes: 4K,64K,64M,256M
// curve: 4K,64K,1M,16M,256M,1G
// contender: name="raw mailbox" mode=mailbox group=messages
// sizes: 8,64,1K,4K,64K,1M
// curve: 8,64,1K,16K,256K,4M,64M,1G
// contender: name="raw SPSC ring" mode=ring group=messages
// flags: -lrt

// What the hardware and the kernel allow: the yardstick of every other figure.
//   cacheline  round trip of one cache line between two processes, busy spin
//   copy       copy from private memory into a shared mapping
//   futex      round trip between two processes that sleep in FUTEX_WAIT
//   passing    a lock of one futex that is handed to a sleeper
//   lifecycle  create / attach / remove a shared-memory object with bare system calls
//   mailbox    round trip of a whole payload through raw shared memory, busy spin
//   ring       one-way stream through a raw single-producer single-consumer ring, busy spin
#include "bench.h"
#include "passing.h"
#include <linux/futex.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif

// ---- cache line ----------------------------------------------------------------------------

typedef struct {
  uint64_t line[BENCH_MAX_REPS + 1][8];
} lines;
enum { LINE_SINGLES = 20000 };

static void line_lead(void *p) {
  lines *l = p;
  bench_row row = {.contender = "cache line",
      .lang = "C",
      .test = "limit",
      .what = "ping-pong",
      .wait = "spin",
      .unit = "ns",
      .size = 8};
  for (; row.n < bench.reps; row.n++) row.rep[row.n] = bench_line_lead(l->line[row.n]);
  // Once more, every round trip by itself, for the p99 (the clock is part of it).
  uint64_t *line = l->line[bench.reps];
  static uint64_t took[LINE_SINGLES];
  for (uint64_t i = 0, v = 1, last = bench_now(); i < LINE_SINGLES; i++, v += 2) {
    bench_store(line, v);
    while (bench_load(line) == v) bench_relax();
    uint64_t t = bench_now();
    took[i] = t - last;
    last = t;
  }
  bench_store(line, BENCH_LINE_END);
  qsort(took, LINE_SINGLES, sizeof *took, bench_compare);
  row.p99[row.np99++] = (double)took[LINE_SINGLES * 99 / 100];
  row.p999[row.np999++] = (double)took[LINE_SINGLES * 999 / 1000];
  row.limit[0] = row.rep[0];
  row.limit[1] = row.rep[row.n - 1];
  bench_emit(&row);
}

static void line_follow(void *p) {
  lines *l = p;
  for (int r = 0; r <= bench.reps; r++) bench_line_follow(l->line[r]);
}

static void cacheline(void) {
  if (bench_pair(line_lead, line_follow, bench_shared(sizeof(lines))))
    bench_skip("cache line", "limit", 8, "failed or timed out");
}

// ---- memcpy --------------------------------------------------------------------------------

// Both sides are touched first. The source lies where a large Swift array does: 32 bytes behind the
// beginning of a page. The small sizes measure caches and the large ones memory.
typedef struct {
  char *from, *to;
  size_t size, count; // enough copies in a row to make the cost of the call negligible
} copy_case;

static void copy_plainly(void *p) {
  copy_case *c = p;
  for (size_t i = 0; i < c->count; i++) {
    memcpy(c->to, c->from, c->size);
    __asm__ volatile("" : : "r"(c->to) : "memory");
  }
}

#ifdef __x86_64__
// Stores that go past the caches: the lines written are not read before.
static void copy_streaming(void *p) {
  copy_case *c = p;
  const __m128i *from = (const __m128i *)c->from;
  __m128i *to = (__m128i *)c->to;
  for (size_t i = 0; i < c->size / 16; i += 4) {
    __m128i v0 = _mm_loadu_si128(from + i), v1 = _mm_loadu_si128(from + i + 1);
    __m128i v2 = _mm_loadu_si128(from + i + 2), v3 = _mm_loadu_si128(from + i + 3);
    _mm_stream_si128(to + i, v0);
    _mm_stream_si128(to + i + 1, v1);
    _mm_stream_si128(to + i + 2, v2);
    _mm_stream_si128(to + i + 3, v3);
  }
  _mm_sfence();
}
#endif

static void copy(void) {
  for (int k = 0; k < bench.nsizes; k++) {
    size_t size = bench.sizes[k];
    char *buffer = bench_buffer(size + 32);
    copy_case c = {.from = buffer + 32,
        .to = bench_shared(size),
        .size = size,
        .count = size < 4096 ? 4096 / size : 1};
    bench_row row = {.contender = "memcpy",
        .lang = "C",
        .test = "copy",
        .unit = "GB/s",
        .what = "private to shared",
        .size = size};
    bench_row streaming = row;
    bench_time_each(&row, c.count, copy_plainly, &c);
    bench_emit(&row);
#ifdef __x86_64__
    if (size >= 4096) {
      streaming.contender = "streaming stores";
      bench_time(&streaming, copy_streaming, &c);
      bench_emit(&streaming);
    }
#endif
    free(buffer);
    munmap(c.to, size);
  }
}

// ---- futex ---------------------------------------------------------------------------------

typedef struct {
  _Alignas(64) uint32_t ask;
  _Alignas(64) uint32_t answer;
} futex_pair;

static void futex_await(uint32_t *w, uint32_t old) {
  while (bench_load(w) == old) syscall(SYS_futex, w, FUTEX_WAIT, old, NULL, NULL, 0);
}
static void futex_bump(uint32_t *w) {
  __atomic_fetch_add(w, 1, __ATOMIC_RELEASE);
  syscall(SYS_futex, w, FUTEX_WAKE, 1, NULL, NULL, 0);
}
static void futex_call(void *p) {
  futex_pair *f = p;
  uint32_t old = bench_load(&f->answer);
  futex_bump(&f->ask);
  futex_await(&f->answer, old);
}
static void futex_serve(void *p) {
  static uint32_t seen;
  futex_pair *f = p;
  futex_await(&f->ask, seen++);
  futex_bump(&f->answer);
}

static void futex(void) {
  bench_pingpong_t l = {
      .row = {.contender = "futex", .lang = "C", .test = "wake", .wait = "block"},
      .ctx = bench_shared(4096),
      .call = futex_call,
      .serve = futex_serve};
  // The limit of whatever sleeps, with --asleep.
  if (!bench.asleep) l.row.what = "wait/wake round trip";
  bench_pingpong(&l);
}

// The least that makes a lock: 0 free, 1 held, 2 held and wanted. A waiter that wakes takes it as
// wanted, as there may be others.
static void futex_hold(void *p, void (*body)(void *), void *arg) {
  uint32_t *word = p, found = 0;
  if (!__atomic_compare_exchange_n(word, &found, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE))
      syscall(SYS_futex, word, FUTEX_WAIT, 2, NULL, NULL, 0);
  body(arg);
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void passing(void) {
  bench_passing_t l = {.row = {.contender = "futex", .lang = "C"},
      .ctx = bench_shared(4096),
      .hold = futex_hold};
  bench_passing(&l);
}

// ---- life cycle ----------------------------------------------------------------------------

typedef struct {
  char name[64];
  size_t size;
  int reserved; // pages are taken at creation; otherwise when they are touched
  int whole;    // all bytes are written, or a byte of each page is read; otherwise only one byte
} shm_case;

static void *shm_map(int fd, size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) bench_die("mmap");
  return p;
}
static void shm_cycle(void *p) {
  shm_case *c = p;
  int fd = shm_open(c->name, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)c->size)) bench_die("shm_open");
  if (c->reserved && fallocate(fd, 0, 0, (off_t)c->size)) bench_die("fallocate");
  char *m = shm_map(fd, c->size);
  if (c->whole) memset(m, 1, c->size);
  *(volatile char *)m = 1;
  munmap(m, c->size);
  close(fd);
  shm_unlink(c->name);
}
static void shm_attach(void *p) {
  shm_case *c = p;
  int fd = shm_open(c->name, O_RDWR, 0600);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) bench_die("shm_open");
  char *m = shm_map(fd, (size_t)st.st_size);
  for (size_t at = 0; at < (c->whole ? c->size : 1); at += 4096) (void)*(volatile char *)(m + at);
  munmap(m, (size_t)st.st_size);
  close(fd);
}

// The least that a complete segment needs, with a lock that shows whether it is in use: it gets its
// name last.
static void shm_lock(int fd) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 1ll << 62, .l_len = 1};
  if (fcntl(fd, F_OFD_SETLK, &lock)) bench_die("F_OFD_SETLK");
}
static void leased_cycle(void *p) {
  shm_case *c = p;
  char from[64], path[80];
  int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) bench_die("O_TMPFILE");
  if (c->reserved ? fallocate(fd, 0, 0, (off_t)c->size) : ftruncate(fd, (off_t)c->size))
    bench_die("fallocate");
  shm_lock(fd);
  char *m = shm_map(fd, c->size);
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  snprintf(path, sizeof path, "/dev/shm%s", c->name);
  if (linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW)) bench_die("linkat");
  *(volatile char *)m = 1;
  munmap(m, c->size);
  close(fd);
  shm_unlink(c->name);
}
static void leased_attach(void *p) {
  shm_case *c = p;
  int fd = shm_open(c->name, O_RDWR, 0600);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) bench_die("shm_open");
  shm_lock(fd);
  char *m = shm_map(fd, (size_t)st.st_size);
  (void)*(volatile char *)m;
  munmap(m, (size_t)st.st_size);
  close(fd);
}

// Large memory that is touched for the first time: by its creator, and by a process that attaches.
static void shm_first_touch(shm_case c) {
  c.reserved = c.whole = 1;
  bench_row row = {
      .contender = "shm_open", .lang = "C", .test = "lifecycle", .unit = "ns", .size = c.size};
  bench_row create = row, attach = row;
  create.what = "create, write all and unlink, pages reserved";
  bench_time(&create, shm_cycle, &c);
  bench_emit(&create);
  int fd = shm_open(c.name, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (fd < 0 || fallocate(fd, 0, 0, (off_t)c.size)) bench_die("shm_open");
  char *m = shm_map(fd, c.size);
  memset(m, 1, c.size);
  attach.what = "attach, read each page and close";
  bench_time(&attach, shm_attach, &c);
  bench_emit(&attach);
  munmap(m, c.size);
  close(fd);
  shm_unlink(c.name);
}

static void lifecycle(void) {
  static const char *const contenders[] = {"shm_open", "O_TMPFILE, lock, linkat"};
  static void (*const cycles[])(void *) = {shm_cycle, leased_cycle};
  static void (*const attaches[])(void *) = {shm_attach, leased_attach};
  for (int i = 0; i < bench.nsizes; i++) {
    shm_case c = {.size = bench.sizes[i]};
    snprintf(c.name, sizeof c.name, "/benchmark-%d", (int)getpid());
    for (int k = 0; k < 2; k++) {
      for (c.reserved = 0; c.reserved < 2; c.reserved++) {
        bench_row create = {.contender = contenders[k],
            .lang = "C",
            .test = "lifecycle",
            .unit = "ns",
            .size = c.size};
        create.what = c.reserved ? "create and unlink, pages reserved" : "create and unlink";
        bench_time(&create, cycles[k], &c);
        bench_emit(&create);
      }
    }
    int fd = shm_open(c.name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)c.size)) bench_die("shm_open");
    char *m = shm_map(fd, c.size);
    m[0] = 1;
    for (int k = 0; k < 2; k++) {
      bench_row attach = {.contender = contenders[k],
          .lang = "C",
          .test = "lifecycle",
          .what = "attach and close",
          .unit = "ns",
          .size = c.size};
      bench_time(&attach, attaches[k], &c);
      bench_emit(&attach);
    }
    munmap(m, c.size);
    close(fd);
    shm_unlink(c.name);
    if (c.size >= 2 << 20 && c.size <= 256 << 20) shm_first_touch(c);
  }
}

// ---- mailbox: a payload in each direction, with a sequence number each -----------------------

typedef struct {
  _Alignas(64) uint64_t ask;
  _Alignas(64) uint64_t answer;
  _Alignas(64) char data[];
} box;
typedef struct {
  box *b;
  size_t size;
  char *tx, *rx;
  uint64_t seq;
} box_ctx;

static char *box_reply(box_ctx *c) {
  return c->b->data + ((c->size + 127) & ~(size_t)127);
}

static void box_call(void *p) {
  box_ctx *c = p;
  bench_mark(c->tx, ++c->seq);
  memcpy(c->b->data, c->tx, c->size);
  bench_store(&c->b->ask, c->seq);
  while (bench_load(&c->b->answer) != c->seq) bench_relax();
  memcpy(c->rx, box_reply(c), c->size);
  if (bench_read_mark(c->rx) != c->seq) abort();
}
static void box_serve(void *p) {
  box_ctx *c = p;
  c->seq++;
  while (bench_load(&c->b->ask) != c->seq) bench_relax();
  memcpy(c->rx, c->b->data, c->size);
  memcpy(box_reply(c), c->rx, c->size);
  bench_store(&c->b->answer, c->seq);
}

static void mailbox(void) {
  for (int i = 0; i < bench.nsizes; i++) {
    size_t size = bench.sizes[i], byte_count = sizeof(box) + 2 * size + 4096;
    box_ctx c = {.b = bench_shared(byte_count),
        .size = size,
        .tx = bench_buffer(size),
        .rx = bench_buffer(size)};
    bench_pingpong_t l = {
        .row = {.contender = "raw mailbox", .lang = "C", .wait = "spin", .size = size},
        .ctx = &c,
        .call = box_call,
        .serve = box_serve};
    bench_pingpong(&l);
    munmap(c.b, byte_count);
    free(c.tx);
    free(c.rx);
  }
}

// ---- ring ----------------------------------------------------------------------------------

#define RING_SLOTS 4096u
typedef struct {
  _Alignas(128) uint64_t head; // written by the producer
  uint64_t tail_seen;          // producer's copy of tail
  _Alignas(128) uint64_t tail; // written by the consumer
  uint64_t head_seen;          // consumer's copy of head
  _Alignas(128) char slots[];
} ring;
typedef struct {
  ring *r;
  size_t size, mask;
  char *buf;
} ring_ctx;

static void ring_produce(void *p, uint64_t first, uint64_t n) {
  ring_ctx *c = p;
  ring *r = c->r;
  const size_t size = c->size, mask = c->mask;
  uint64_t head = r->head;
  for (uint64_t i = 0; i < n; i++) {
    while (head - r->tail_seen > mask) {
      r->tail_seen = bench_load(&r->tail);
      if (head - r->tail_seen > mask) bench_relax();
    }
    char *slot = r->slots + (head & mask) * size;
    if (size == 8) bench_mark(slot, first + i);
    else {
      bench_mark(c->buf, first + i);
      memcpy(slot, c->buf, size);
    }
    bench_store(&r->head, ++head);
  }
}
static uint64_t ring_consume(void *p, uint64_t first, uint64_t n) {
  ring_ctx *c = p;
  ring *r = c->r;
  const size_t size = c->size, mask = c->mask;
  uint64_t tail = r->tail, wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    while (tail == r->head_seen) {
      r->head_seen = bench_load(&r->head);
      if (tail == r->head_seen) bench_relax();
    }
    const char *slot = r->slots + (tail & mask) * size;
    if (size == 8) wrong += bench_read_mark(slot) != first + i;
    else {
      memcpy(c->buf, slot, size);
      wrong += bench_read_mark(c->buf) != first + i;
    }
    bench_store(&r->tail, ++tail);
  }
  return wrong;
}

static void ring_stream(void) {
  for (int i = 0; i < BENCH_STREAMS; i++) {
    size_t size = bench_stream_sizes[i], slots = size < 1024 ? RING_SLOTS : RING_SLOTS / 16;
    ring_ctx c = {.r = bench_shared(sizeof(ring) + slots * size),
        .size = size,
        .mask = slots - 1,
        .buf = bench_buffer(size)};
    bench_stream_t s = {
        .row = {.contender = "raw SPSC ring", .lang = "C", .wait = "spin", .size = size},
        .ctx = &c,
        .produce = ring_produce,
        .consume = ring_consume};
    bench_stream(&s);
  }
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  if (bench_is("cacheline")) cacheline();
  else if (bench_is("copy")) bench_pin(bench.core_a), copy();
  else if (bench_is("futex")) futex();
  else if (bench_is("passing")) passing();
  else if (bench_is("lifecycle")) bench_pin(bench.core_a), lifecycle();
  else if (bench_is("mailbox")) mailbox();
  else if (bench_is("ring")) ring_stream();
  else return fprintf(stderr, "limits: unknown mode '%s'\n", bench.mode), 2;
  return 0;
}

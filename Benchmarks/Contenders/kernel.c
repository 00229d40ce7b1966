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

// contender: name="pipe" mode=pipe group=messages also=asleep
// contender: name="Unix socket" mode=unix group=messages also=asleep
// contender: name="POSIX mq" mode=mq group=messages also=asleep
// contender: name="pipe, crowd" mode=pipe-crowd group=crowd
// contender: name="POSIX mq, crowd" mode=mq-crowd group=crowd
// flags: -lrt

// The kernel's own channels, blocking: pipe, Unix stream socket, POSIX message queue.
#include "bench.h"
#include "crowd.h"
#include <mqueue.h>
#include <sys/resource.h>
#include <sys/socket.h>

typedef struct {
  int to_server[2], to_client[2]; // [0] read end, [1] write end
  mqd_t q_ask, q_answer;
  size_t size;
  char *buf;
  uint64_t seq;
} chan;

// ---- byte streams --------------------------------------------------------------------------

static void write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t w = write(fd, p, n);
    if (w < 0) bench_die("write");
    p += w;
    n -= (size_t)w;
  }
}
static void read_all(int fd, char *p, size_t n) {
  while (n) {
    ssize_t r = read(fd, p, n);
    if (r <= 0) bench_die("read");
    p += r;
    n -= (size_t)r;
  }
}
static void fd_call(void *p) {
  chan *c = p;
  bench_mark(c->buf, ++c->seq);
  write_all(c->to_server[1], c->buf, c->size);
  read_all(c->to_client[0], c->buf, c->size);
  if (bench_read_mark(c->buf) != c->seq) abort();
}
static void fd_serve(void *p) {
  chan *c = p;
  read_all(c->to_server[0], c->buf, c->size);
  write_all(c->to_client[1], c->buf, c->size);
}
static void fd_produce(void *p, uint64_t first, uint64_t n) {
  chan *c = p;
  for (uint64_t i = 0; i < n; i++) {
    bench_mark(c->buf, first + i);
    write_all(c->to_server[1], c->buf, c->size);
  }
}
static uint64_t fd_consume(void *p, uint64_t first, uint64_t n) {
  chan *c = p;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    read_all(c->to_server[0], c->buf, c->size);
    wrong += bench_read_mark(c->buf) != first + i;
  }
  return wrong;
}

static void fd_open(chan *c, int is_pipe) {
  if (is_pipe) {
    if (pipe(c->to_server) || pipe(c->to_client)) bench_die("pipe");
    return;
  }
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) bench_die("socketpair");
  c->to_server[1] = c->to_client[0] = s[0];
  c->to_server[0] = c->to_client[1] = s[1];
}

// ---- message queue -------------------------------------------------------------------------

static void mq_send_one(mqd_t q, const char *b, size_t n) {
  if (mq_send(q, b, n, 0)) bench_die("mq_send");
}
static void mq_receive_one(mqd_t q, char *b, size_t n) {
  if (mq_receive(q, b, n, NULL) != (ssize_t)n) bench_die("mq_receive");
}
static void mq_call(void *p) {
  chan *c = p;
  bench_mark(c->buf, ++c->seq);
  mq_send_one(c->q_ask, c->buf, c->size);
  mq_receive_one(c->q_answer, c->buf, c->size);
  if (bench_read_mark(c->buf) != c->seq) abort();
}
static void mq_serve(void *p) {
  chan *c = p;
  mq_receive_one(c->q_ask, c->buf, c->size);
  mq_send_one(c->q_answer, c->buf, c->size);
}
static void mq_produce(void *p, uint64_t first, uint64_t n) {
  chan *c = p;
  for (uint64_t i = 0; i < n; i++) {
    bench_mark(c->buf, first + i);
    mq_send_one(c->q_ask, c->buf, c->size);
  }
}
static uint64_t mq_consume(void *p, uint64_t first, uint64_t n) {
  chan *c = p;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    mq_receive_one(c->q_ask, c->buf, c->size);
    wrong += bench_read_mark(c->buf) != first + i;
  }
  return wrong;
}

static mqd_t mq_make(char tag, size_t size) {
  char name[64];
  snprintf(name, sizeof name, "/benchmark-%d-%c", (int)getpid(), tag);
  struct mq_attr a = {.mq_maxmsg = 10, .mq_msgsize = (long)size};
  mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &a);
  if (q != (mqd_t)-1) mq_unlink(name);
  return q;
}
static int mq_open_both(chan *c) {
  c->q_ask = mq_make('a', c->size);
  c->q_answer = mq_make('b', c->size);
  return c->q_ask != (mqd_t)-1 && c->q_answer != (mqd_t)-1;
}

// ---- cases ---------------------------------------------------------------------------------

static void run(const char *contender, int kind /* 0 pipe, 1 socket, 2 mq */) {
  for (int i = 0; i < bench.nsizes + BENCH_STREAMS; i++) {
    int streaming = i >= bench.nsizes;
    chan c = {.size = streaming ? bench_stream_sizes[i - bench.nsizes] : bench.sizes[i]};
    c.buf = bench_buffer(c.size);
    if (kind < 2) fd_open(&c, kind == 0);
    else if (!mq_open_both(&c)) {
      bench_skip(contender, "pingpong", c.size,
          "mq_open refused the size (over 8 KiB needs CAP_SYS_RESOURCE)");
      continue;
    }
    bench_row row = {.contender = contender, .lang = "C", .wait = "block", .size = c.size};
    if (streaming) {
      bench_stream_t s = {.row = row,
          .ctx = &c,
          .produce = kind < 2 ? fd_produce : mq_produce,
          .consume = kind < 2 ? fd_consume : mq_consume};
      bench_stream(&s);
    } else {
      bench_pingpong_t l = {.row = row,
          .ctx = &c,
          .call = kind < 2 ? fd_call : mq_call,
          .serve = kind < 2 ? fd_serve : mq_serve};
      bench_pingpong(&l);
    }
    if (kind == 2) {
      mq_close(c.q_ask);
      mq_close(c.q_answer);
    } else {
      close(c.to_server[0]);
      close(c.to_server[1]);
      if (kind == 0) {
        close(c.to_client[0]);
        close(c.to_client[1]);
      }
    }
    free(c.buf);
  }
}

static void fd_send(void *p, uint64_t number) {
  write_all(((chan *)p)->to_server[1], (char *)&number, sizeof number);
}
static uint64_t fd_receive(void *p) {
  uint64_t number;
  read_all(((chan *)p)->to_server[0], (char *)&number, sizeof number);
  return number;
}
static void mq_send_number(void *p, uint64_t number) {
  mq_send_one(((chan *)p)->q_ask, (char *)&number, sizeof number);
}
static uint64_t mq_receive_number(void *p) {
  uint64_t number;
  mq_receive_one(((chan *)p)->q_ask, (char *)&number, sizeof number);
  return number;
}

// A pipe does not divide what is written or read at once, if all of it has the same short length.
static void crowd(const char *contender, int is_pipe) {
  for (int n = 2; n <= 4; n += 2) {
    char what[32];
    snprintf(what, sizeof what, "%d to %d", n, n);
    chan c = {.size = sizeof(uint64_t)};
    if (is_pipe) fd_open(&c, 1);
    else if (!mq_open_both(&c)) bench_die("mq_open");
    bench_crowd_t l = {.row = {.contender = contender,
                           .lang = "C",
                           .test = "crowd",
                           .what = what,
                           .wait = "block",
                           .unit = "msg/s",
                           .size = c.size},
        .ctx = &c,
        .senders = n,
        .receivers = n,
        .copies = 1,
        .send = is_pipe ? fd_send : mq_send_number,
        .receive = is_pipe ? fd_receive : mq_receive_number};
    bench_crowd(&l);
  }
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  if (bench_is("pipe-crowd")) crowd("pipe", 1);
  else if (bench_is("mq-crowd")) crowd("POSIX mq", 0);
  else if (bench_is("pipe")) run("pipe", 0);
  else if (bench_is("unix")) run("Unix socket", 1);
  else if (bench_is("mq")) {
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MSGQUEUE, &all);
    run("POSIX mq", 2);
  } else return fprintf(stderr, "kernel: unknown mode '%s'\n", bench.mode), 2;
  return 0;
}

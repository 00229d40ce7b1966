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

// contender: name="ZeroMQ ipc" mode=pair group=messages also=asleep
// contender: name="ZeroMQ ipc, crowd" mode=crowd group=crowd
// apt: libzmq3-dev /usr/include/zmq.h
// flags: -lzmq

// ZeroMQ PAIR sockets over ipc://, or PUSH and PULL, blocking. The I/O thread runs on the core of
// its side.
#include "bench.h"
#include "crowd.h"
#include <zmq.h>

typedef struct {
  char url[128];
  void *ctx, *sock;
  size_t size;
  char *buf;
  uint64_t seq;
} side;

static void z_open(side *s, int server) {
  s->ctx = zmq_ctx_new();
  s->sock = zmq_socket(s->ctx, ZMQ_PAIR);
  if (server ? zmq_bind(s->sock, s->url) : zmq_connect(s->sock, s->url)) bench_die("zmq");
}
static void z_client(void *p) {
  z_open(p, 0);
}
static void z_server(void *p) {
  z_open(p, 1);
}
static void z_close(void *p) { // waits until the last message has left
  side *s = p;
  zmq_close(s->sock);
  zmq_ctx_term(s->ctx);
}
static void z_send(side *s) {
  if (zmq_send(s->sock, s->buf, s->size, 0) < 0) bench_die("zmq_send");
}
static void z_recv(side *s) {
  if (zmq_recv(s->sock, s->buf, s->size, 0) != (int)s->size) bench_die("zmq_recv");
}
static void z_call(void *p) {
  side *s = p;
  bench_mark(s->buf, ++s->seq);
  z_send(s);
  z_recv(s);
  if (bench_read_mark(s->buf) != s->seq) abort();
}
static void z_serve(void *p) {
  z_recv(p);
  z_send(p);
}
static void z_produce(void *p, uint64_t first, uint64_t n) {
  side *s = p;
  for (uint64_t i = 0; i < n; i++) {
    bench_mark(s->buf, first + i);
    z_send(s);
  }
}
static uint64_t z_consume(void *p, uint64_t first, uint64_t n) {
  side *s = p;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    z_recv(s);
    wrong += bench_read_mark(s->buf) != first + i;
  }
  return wrong;
}

// ---- many sides: each receiver has an address, and each sender deals out to all of them ------

typedef struct {
  char prefix[96];
  int receivers;
  uint64_t *opened; // by receivers
  side s;
} many;

static void many_push(void *p) {
  many *m = p;
  m->s.ctx = zmq_ctx_new();
  m->s.sock = zmq_socket(m->s.ctx, ZMQ_PUSH);
  while (bench_load(m->opened) < (uint64_t)m->receivers) usleep(200);
  for (int i = 0; i < m->receivers; i++) {
    snprintf(m->s.url, sizeof m->s.url, "%s-%d", m->prefix, i);
    if (zmq_connect(m->s.sock, m->s.url)) bench_die("zmq_connect");
  }
}
static void many_pull(void *p) {
  many *m = p;
  uint64_t mine = __atomic_fetch_add(m->opened + 1, 1, __ATOMIC_ACQ_REL);
  m->s.ctx = zmq_ctx_new();
  m->s.sock = zmq_socket(m->s.ctx, ZMQ_PULL);
  snprintf(m->s.url, sizeof m->s.url, "%s-%d", m->prefix, (int)mine);
  if (zmq_bind(m->s.sock, m->s.url)) bench_die("zmq_bind");
  __atomic_fetch_add(m->opened, 1, __ATOMIC_ACQ_REL);
}
static void many_send(void *p, uint64_t number) {
  many *m = p;
  bench_mark(m->s.buf, number);
  z_send(&m->s);
}
static uint64_t many_receive(void *p) {
  many *m = p;
  z_recv(&m->s);
  return bench_read_mark(m->s.buf);
}
static void many_close(void *p) {
  z_close(&((many *)p)->s);
}

static void crowd(void) {
  for (int n = 2; n <= 4; n += 2) {
    char what[32];
    snprintf(what, sizeof what, "%d to %d", n, n);
    many m = {.receivers = n,
        .opened = bench_shared(4096),
        .s = {.size = 8, .buf = bench_buffer(8)}};
    snprintf(m.prefix, sizeof m.prefix, "ipc://@benchmark-%d-%d", (int)getpid(), n);
    bench_crowd_t l = {.row = {.contender = "ZeroMQ ipc",
                           .lang = "C",
                           .test = "crowd",
                           .what = what,
                           .wait = "block",
                           .unit = "msg/s",
                           .note = "push and pull",
                           .size = 8},
        .ctx = &m,
        .senders = n,
        .receivers = n,
        .copies = 1,
        .open_tx = many_push,
        .open_rx = many_pull,
        .send = many_send,
        .receive = many_receive,
        .close_tx = many_close};
    bench_crowd(&l);
    free(m.s.buf);
  }
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  if (bench_is("crowd")) return crowd(), 0;
  for (int i = 0; i < bench.nsizes + BENCH_STREAMS; i++) {
    int streaming = i >= bench.nsizes;
    side s = {.size = streaming ? bench_stream_sizes[i - bench.nsizes] : bench.sizes[i]};
    snprintf(s.url, sizeof s.url, "ipc://@benchmark-%d-%d", (int)getpid(), i);
    s.buf = bench_buffer(s.size);
    bench_row row = {.contender = "ZeroMQ ipc", .lang = "C", .wait = "block", .size = s.size};
    if (streaming) {
      bench_stream_t t = {.row = row,
          .ctx = &s,
          .open_tx = z_client,
          .open_rx = z_server,
          .produce = z_produce,
          .consume = z_consume,
          .close = z_close};
      bench_stream(&t);
    } else {
      bench_pingpong_t l = {.row = row,
          .ctx = &s,
          .open_client = z_client,
          .open_server = z_server,
          .call = z_call,
          .serve = z_serve,
          .close = z_close};
      bench_pingpong(&l);
    }
    free(s.buf);
  }
  return 0;
}

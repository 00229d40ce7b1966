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

// contender: name="ZeroMQ ipc" group=messages
// apt: libzmq3-dev /usr/include/zmq.h
// flags: -lzmq

// ZeroMQ PAIR sockets over ipc://, blocking. Its I/O thread runs on the core of its side.
#include "bench.h"
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

int main(int argc, char **argv) {
  bench_init(argc, argv);
  static const size_t stream_sizes[] = {8, 64, 1024};
  for (int i = 0; i < bench.nsizes + 3; i++) {
    int streaming = i >= bench.nsizes;
    side s = {.size = streaming ? stream_sizes[i - bench.nsizes] : bench.sizes[i]};
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

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

// contender: name="CycloneDDS" group=messages
// apt: cyclonedds-tools /usr/bin/idlc
// apt: cyclonedds-dev /usr/include/dds/dds.h
// idl: Harness/C/blob.idl
// flags: -lddsc

// CycloneDDS over UDP loopback, reliable, keep-all; the reader sleeps in a waitset.
#include "bench.h"
#include "blob.h"
#include <dds/dds.h>

typedef struct {
  char ask[64], answer[64];
  size_t size;
  char *buf;
  uint64_t seq;
  dds_entity_t dom, out, in, set;
} side;

static const char config[] =
    "<General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast><MaxMessageSize>65500B</MaxMessageSize>"
    "<FragmentSize>65000B</FragmentSize></General>"
    "<Discovery><ParticipantIndex>auto</ParticipantIndex><Peers><Peer address='127.0.0.1'/></Peers>"
    "</Discovery>";

static void check(dds_return_t r, const char *what) {
  if (r >= 0) return;
  fprintf(stderr, "%s: %s\n", what, dds_strretcode(-r));
  exit(1);
}
static void await(dds_entity_t e, int reader) {
  for (;;) {
    int n = 0;
    if (reader) {
      dds_subscription_matched_status_t st;
      check(dds_get_subscription_matched_status(e, &st), "matched");
      n = (int)st.current_count;
    } else {
      dds_publication_matched_status_t st;
      check(dds_get_publication_matched_status(e, &st), "matched");
      n = (int)st.current_count;
    }
    if (n > 0) return;
    usleep(1000);
  }
}
static void d_open(side *s, const char *out, const char *in) {
  dds_entity_t part = dds_create_participant(0, NULL, NULL);
  check(part, "participant");
  dds_qos_t *q = dds_create_qos();
  dds_qset_reliability(q, DDS_RELIABILITY_RELIABLE, DDS_SECS(10));
  dds_qset_history(q, DDS_HISTORY_KEEP_ALL, 0);
  dds_qset_resource_limits(q, 1000, DDS_LENGTH_UNLIMITED, DDS_LENGTH_UNLIMITED);
  if (out) {
    dds_entity_t t = dds_create_topic(part, &bench_blob_desc, out, NULL, NULL);
    check(s->out = dds_create_writer(part, t, q, NULL), "writer");
  }
  if (in) {
    dds_entity_t t = dds_create_topic(part, &bench_blob_desc, in, NULL, NULL);
    check(s->in = dds_create_reader(part, t, q, NULL), "reader");
    check(dds_set_status_mask(s->in, DDS_DATA_AVAILABLE_STATUS), "mask");
    s->set = dds_create_waitset(part);
    dds_entity_t ready = dds_create_readcondition(s->in, DDS_ANY_STATE);
    check(dds_waitset_attach(s->set, ready, 0), "attach");
  }
  if (out) await(s->out, 0);
  if (in) await(s->in, 1);
}
static void open_client(void *p) {
  side *s = p;
  d_open(s, s->ask, s->answer);
}
static void open_server(void *p) {
  side *s = p;
  d_open(s, s->answer, s->ask);
}
static void open_tx(void *p) {
  side *s = p;
  d_open(s, s->ask, NULL);
}
static void open_rx(void *p) {
  side *s = p;
  d_open(s, NULL, s->ask);
}
static void d_close(void *p) {
  side *s = p;
  if (s->out) dds_wait_for_acks(s->out, DDS_SECS(2));
}

static void d_send(side *s) {
  bench_blob b = {.data = {._length = (uint32_t)s->size,
                      ._maximum = (uint32_t)s->size,
                      ._buffer = (uint8_t *)s->buf}};
  check(dds_write(s->out, &b), "write");
}
static void d_receive(side *s) {
  for (;;) {
    void *sample[1] = {NULL};
    dds_sample_info_t info;
    int n = dds_take(s->in, sample, &info, 1, 1);
    check(n, "take");
    if (n == 0) {
      check(dds_waitset_wait(s->set, NULL, 0, DDS_SECS(5)), "wait");
      continue;
    }
    int valid = info.valid_data;
    if (valid) memcpy(s->buf, ((bench_blob *)sample[0])->data._buffer, s->size);
    dds_return_loan(s->in, sample, n);
    if (valid) return;
  }
}
static void call(void *p) {
  side *s = p;
  bench_mark(s->buf, ++s->seq);
  d_send(s);
  d_receive(s);
  if (bench_read_mark(s->buf) != s->seq) abort();
}
static void serve(void *p) {
  d_receive(p);
  d_send(p);
}
static void produce(void *p, uint64_t first, uint64_t n) {
  side *s = p;
  for (uint64_t i = 0; i < n; i++) {
    bench_mark(s->buf, first + i);
    d_send(s);
  }
}
static uint64_t consume(void *p, uint64_t first, uint64_t n) {
  side *s = p;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    d_receive(s);
    wrong += bench_read_mark(s->buf) != first + i;
  }
  return wrong;
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  setenv("CYCLONEDDS_URI", config, 1);
  for (int i = 0; i < bench.nsizes + BENCH_STREAMS; i++) {
    int streaming = i >= bench.nsizes;
    side s = {.size = streaming ? bench_stream_sizes[i - bench.nsizes] : bench.sizes[i]};
    snprintf(s.ask, sizeof s.ask, "bench_peers_%d_%d_ask", (int)getpid(), i);
    snprintf(s.answer, sizeof s.answer, "bench_peers_%d_%d_answer", (int)getpid(), i);
    s.buf = bench_buffer(s.size);
    bench_row row = {.contender = "CycloneDDS",
        .lang = "C",
        .wait = "block",
        .size = s.size,
        .note = "UDP loopback"};
    if (streaming) {
      bench_stream_t t = {.row = row,
          .ctx = &s,
          .open_tx = open_tx,
          .open_rx = open_rx,
          .produce = produce,
          .consume = consume,
          .close = d_close};
      bench_stream(&t);
    } else {
      bench_pingpong_t l = {.row = row,
          .ctx = &s,
          .open_client = open_client,
          .open_server = open_server,
          .call = call,
          .serve = serve,
          .close = d_close};
      bench_pingpong(&l);
    }
    free(s.buf);
  }
  return 0;
}

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

// contender: name="iceoryx" group=messages
// apt: libiceoryx-posh-dev /usr/include/iceoryx/v2.0.3/iceoryx_posh/popo/untyped_publisher.hpp
// apt: iceoryx /usr/bin/iox-roudi
// daemon: iox-roudi -m off -l error
// flags: -I/usr/include/iceoryx/v2.0.3 -liceoryx_posh -liceoryx_hoofs -liceoryx_platform -pthread

// iceoryx 2 publish/subscribe, busy polling with take(). Needs the daemon iox-roudi.
// Two cases: "copied" moves the payload through private buffers like every other contender;
// "zero-copy" loans, touches 8 bytes and hands the chunk over.
#include "bench.h"
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <memory>
#include <string>

using iox::popo::UntypedPublisher;
using iox::popo::UntypedSubscriber;

struct side {
  std::string run; // unique per case
  size_t size;
  bool copied;
  bool lossless; // block the producer instead of dropping the oldest sample
  char *buf;
  uint64_t seq = 0;
  std::unique_ptr<UntypedPublisher> out;
  std::unique_ptr<UntypedSubscriber> in;

  void open(const char *role, const char *out_topic, const char *in_topic) {
    using namespace iox;
    auto text = [](const std::string &s) { return capro::IdString_t(cxx::TruncateToCapacity, s); };
    runtime::PoshRuntime::initRuntime(
        RuntimeName_t(cxx::TruncateToCapacity, "benchmark-" + run + role));
    popo::PublisherOptions po;
    popo::SubscriberOptions so;
    if (lossless) {
      po.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
      so.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
    }
    auto topic = [&](const char *t) {
      return capro::ServiceDescription(text("benchmark"), text(run), text(t));
    };
    if (out_topic) out.reset(new UntypedPublisher(topic(out_topic), po));
    if (in_topic) in.reset(new UntypedSubscriber(topic(in_topic), so));
    while (out && !out->hasSubscribers()) usleep(1000);
    while (in && in->getSubscriptionState() != SubscribeState::SUBSCRIBED) usleep(1000);
  }
  void send(uint64_t mark) {
    auto chunk = out->loan(static_cast<uint32_t>(size));
    if (chunk.has_error()) {
      fprintf(stderr, "iceoryx: no chunk\n");
      exit(1);
    }
    char *p = static_cast<char *>(chunk.value());
    if (copied) {
      bench_mark(buf, mark);
      memcpy(p, buf, size);
    } else bench_mark(p, mark);
    out->publish(p);
  }
  uint64_t receive() {
    for (;;) {
      auto taken = in->take();
      if (taken.has_error()) continue;
      const char *p = static_cast<const char *>(taken.value());
      if (copied) memcpy(buf, p, size);
      uint64_t mark = bench_read_mark(copied ? buf : p);
      in->release(p);
      return mark;
    }
  }
};

static void open_client(void *p) {
  static_cast<side *>(p)->open("c", "ask", "answer");
}
static void open_server(void *p) {
  static_cast<side *>(p)->open("s", "answer", "ask");
}
static void open_tx(void *p) {
  static_cast<side *>(p)->open("t", "flow", nullptr);
}
static void open_rx(void *p) {
  static_cast<side *>(p)->open("r", nullptr, "flow");
}
static void shut(void *p) {
  static_cast<side *>(p)->out.reset();
  static_cast<side *>(p)->in.reset();
}
static void call(void *p) {
  side *s = static_cast<side *>(p);
  s->send(++s->seq);
  if (s->receive() != s->seq) abort();
}
static void serve(void *p) {
  side *s = static_cast<side *>(p);
  s->send(s->receive());
}
static void produce(void *p, uint64_t first, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) static_cast<side *>(p)->send(first + i);
}
static uint64_t consume(void *p, uint64_t first, uint64_t n) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) wrong += static_cast<side *>(p)->receive() != first + i;
  return wrong;
}

static side make(size_t size, bool copied, bool lossless) {
  static int number;
  side s{};
  s.run = std::to_string(getpid()) + "-" + std::to_string(number++);
  s.size = size;
  s.copied = copied;
  s.lossless = lossless;
  s.buf = bench_buffer(size);
  return s;
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  bench_row row = {};
  row.contender = "iceoryx";
  row.lang = "C++";
  row.wait = "spin";
  for (bool copied : {true, false}) {
    row.what = copied ? "copied" : "zero-copy, 8 bytes touched";
    for (int i = 0; i < bench.nsizes; i++) {
      side s = make(bench.sizes[i], copied, false);
      bench_pingpong_t l = {};
      l.row = row;
      l.row.size = s.size;
      l.ctx = &s;
      l.open_client = open_client;
      l.open_server = open_server;
      l.call = call;
      l.serve = serve;
      l.close = shut;
      bench_pingpong(&l);
    }
  }
  row.what = "copied";
  for (size_t size : bench_stream_sizes) {
    side s = make(size, true, true);
    bench_stream_t t = {};
    t.row = row;
    t.row.size = size;
    t.ctx = &s;
    t.open_tx = open_tx;
    t.open_rx = open_rx;
    t.produce = produce;
    t.consume = consume;
    t.close = shut;
    bench_stream(&t);
  }
  return 0;
}

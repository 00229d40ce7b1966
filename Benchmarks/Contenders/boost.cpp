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

// contender: name="Boost message_queue" mode=mq group=messages also=asleep
// contender: name="Boost message_queue, crowd" mode=crowd group=crowd
// contender: name="Boost managed_shared_memory" mode=managed group=lifecycle
// contender: name="Boost interprocess_mutex" mode=mutex group=lock
// contender: name="Boost interprocess_mutex, contended" mode=contended group=contended
// contender: name="Boost interprocess_mutex, handed over" mode=passing group=asleep
// contender: name="Boost interprocess_condition" mode=condition group=asleep
// apt: libboost-dev /usr/include/boost/interprocess/ipc/message_queue.hpp
// flags: -lrt -pthread

// Boost.Interprocess: message_queue, managed_shared_memory, interprocess_mutex and condition.
#include "bench.h"
#include "crowd.h"
#include "passing.h"
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <memory>
#include <new>
#include <string>

namespace bip = boost::interprocess;

// ---- message queue -------------------------------------------------------------------------

struct queues {
  std::string name;
  size_t size;
  size_t depth;
  std::unique_ptr<bip::message_queue> ask, answer;
  char *buf;
  uint64_t seq = 0;

  queues(size_t size, size_t depth)
      : name("benchmark-" + std::to_string(getpid())), size(size), depth(depth),
        buf(bench_buffer(size)) {
    ask.reset(new bip::message_queue(bip::create_only, (name + "a").c_str(), depth, size));
    answer.reset(new bip::message_queue(bip::create_only, (name + "b").c_str(), depth, size));
  }
  ~queues() {
    bip::message_queue::remove((name + "a").c_str());
    bip::message_queue::remove((name + "b").c_str());
    free(buf);
  }
  void receive(bip::message_queue &q) {
    bip::message_queue::size_type got;
    unsigned priority;
    q.receive(buf, size, got, priority);
    if (got != size) abort();
  }
};

static void mq_call(void *p) {
  queues *q = static_cast<queues *>(p);
  bench_mark(q->buf, ++q->seq);
  q->ask->send(q->buf, q->size, 0);
  q->receive(*q->answer);
  if (bench_read_mark(q->buf) != q->seq) abort();
}
static void mq_serve(void *p) {
  queues *q = static_cast<queues *>(p);
  q->receive(*q->ask);
  q->answer->send(q->buf, q->size, 0);
}
static void mq_produce(void *p, uint64_t first, uint64_t n) {
  queues *q = static_cast<queues *>(p);
  for (uint64_t i = 0; i < n; i++) {
    bench_mark(q->buf, first + i);
    q->ask->send(q->buf, q->size, 0);
  }
}
static uint64_t mq_consume(void *p, uint64_t first, uint64_t n) {
  queues *q = static_cast<queues *>(p);
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < n; i++) {
    q->receive(*q->ask);
    wrong += bench_read_mark(q->buf) != first + i;
  }
  return wrong;
}

static void message_queue() {
  bench_row row = {};
  row.contender = "Boost message_queue";
  row.lang = "C++";
  row.wait = "block";
  for (int i = 0; i < bench.nsizes; i++) {
    queues q(bench.sizes[i], 4);
    bench_pingpong_t l = {};
    l.row = row;
    l.row.size = q.size;
    l.ctx = &q;
    l.call = mq_call;
    l.serve = mq_serve;
    bench_pingpong(&l);
  }
  for (size_t size : bench_stream_sizes) {
    queues q(size, 1024);
    bench_stream_t s = {};
    s.row = row;
    s.row.size = size;
    s.ctx = &q;
    s.produce = mq_produce;
    s.consume = mq_consume;
    bench_stream(&s);
  }
}

static void mq_send_number(void *p, uint64_t number) {
  queues *q = static_cast<queues *>(p);
  q->ask->send(&number, sizeof number, 0);
}
static uint64_t mq_receive_number(void *p) {
  queues *q = static_cast<queues *>(p);
  q->receive(*q->ask);
  return bench_read_mark(q->buf);
}
static void crowd() {
  for (int n : {2, 4}) {
    std::string what = std::to_string(n) + " to " + std::to_string(n);
    queues q(sizeof(uint64_t), 1024);
    bench_crowd_t c = {};
    c.row.contender = "Boost message_queue";
    c.row.lang = "C++";
    c.row.test = "crowd";
    c.row.what = what.c_str();
    c.row.wait = "block";
    c.row.unit = "msg/s";
    c.row.size = q.size;
    c.ctx = &q;
    c.senders = c.receivers = n;
    c.copies = 1;
    c.send = mq_send_number;
    c.receive = mq_receive_number;
    bench_crowd(&c);
  }
}

// ---- managed shared memory -----------------------------------------------------------------

static std::string segment;

static void managed_create(void *p) {
  size_t size = *static_cast<size_t *>(p);
  {
    bip::managed_shared_memory m(bip::create_only, segment.c_str(), size);
    m.construct<uint64_t>("value")(1);
  }
  bip::shared_memory_object::remove(segment.c_str());
}
static void managed_open(void *) {
  bip::managed_shared_memory m(bip::open_only, segment.c_str());
  if (*m.find<uint64_t>("value").first != 1) abort();
}

static void managed() {
  bench_pin(bench.core_a);
  segment = "benchmark-" + std::to_string(getpid());
  for (size_t size : {size_t(65536), size_t(64) << 20}) {
    bench_row row = {};
    row.contender = "Boost managed_shared_memory";
    row.lang = "C++";
    row.test = "lifecycle";
    row.unit = "ns";
    row.size = size;
    row.note = "with one named value";
    bench_row create = row, open = row;
    create.what = "create and unlink";
    bench_time(&create, managed_create, &size);
    bench_emit(&create);
    bip::managed_shared_memory m(bip::create_only, segment.c_str(), size);
    m.construct<uint64_t>("value")(1);
    open.what = "attach and close";
    bench_time(&open, managed_open, nullptr);
    bench_emit(&open);
    bip::shared_memory_object::remove(segment.c_str());
  }
}

// ---- mutex ---------------------------------------------------------------------------------

struct guarded {
  bip::interprocess_mutex m;
  bip::interprocess_condition turned;
  uint64_t counter = 0;

  static guarded *make() { return new (bench_shared(4096)) guarded(); }
};
typedef bip::scoped_lock<bip::interprocess_mutex> locked;

static void lock_unlock(void *p) {
  guarded *g = static_cast<guarded *>(p);
  g->m.lock();
  g->counter++;
  g->m.unlock();
}
static void mutex() {
  bench_pin(bench.core_a);
  bench_row row = {};
  row.contender = "Boost interprocess_mutex";
  row.lang = "C++";
  row.test = "lock";
  row.unit = "ns";
  row.what = "lock+unlock, alone";
  bench_time(&row, lock_unlock, guarded::make());
  bench_emit(&row);
}

static void count_one(void *p, uint64_t) {
  lock_unlock(p);
}
static int is_counted(void *p, uint64_t done) {
  return static_cast<guarded *>(p)->counter == done;
}
static void contended() {
  for (int n : {2, 4, 8}) {
    std::string what = std::to_string(n) + " processes";
    bench_crowd_t c = {};
    c.row.contender = "Boost interprocess_mutex";
    c.row.lang = "C++";
    c.row.test = "contended";
    c.row.what = what.c_str();
    c.row.unit = "ops/s";
    c.ctx = guarded::make();
    c.senders = n;
    c.send = count_one;
    c.is_right = is_counted;
    bench_crowd(&c);
  }
}

static void hold(void *p, void (*body)(void *), void *arg) {
  locked lock(static_cast<guarded *>(p)->m);
  body(arg);
}
static void passing() {
  bench_passing_t l = {};
  l.row.contender = "Boost interprocess_mutex";
  l.row.lang = "C++";
  l.ctx = guarded::make();
  l.hold = hold;
  bench_passing(&l);
}

// The counter is odd after a question, and even after its answer.
static void condition_call(void *p) {
  guarded *g = static_cast<guarded *>(p);
  locked lock(g->m);
  g->counter++;
  g->turned.notify_all();
  while (g->counter & 1) g->turned.wait(lock);
}
static void condition_serve(void *p) {
  guarded *g = static_cast<guarded *>(p);
  locked lock(g->m);
  while (!(g->counter & 1)) g->turned.wait(lock);
  g->counter++;
  g->turned.notify_all();
}
static void condition() {
  bench_pingpong_t l = {};
  l.row.contender = "Boost interprocess_condition";
  l.row.lang = "C++";
  l.row.test = "wake";
  l.row.wait = "block";
  l.ctx = guarded::make();
  l.call = condition_call;
  l.serve = condition_serve;
  bench_pingpong(&l);
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  if (bench_is("mq")) message_queue();
  else if (bench_is("managed")) managed();
  else if (bench_is("mutex")) mutex();
  else if (bench_is("crowd")) crowd();
  else if (bench_is("contended")) contended();
  else if (bench_is("passing")) passing();
  else if (bench_is("condition")) condition();
  else return fprintf(stderr, "boost: unknown mode '%s'\n", bench.mode), 2;
  return 0;
}

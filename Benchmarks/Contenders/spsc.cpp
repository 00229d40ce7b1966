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

// contender: name="C++ SPSC ring" group=messages

// One way through a ring of one producer and one consumer, as fast as it can be written plainly:
// the type of the messages is known, each side keeps its position and a copy of the other's in
// registers, and looks at the other's position only when the copy says that the ring is full or
// empty.
#include "bench.h"
#include <atomic>

template <size_t size> struct message {
  uint64_t words[size / 8];
};

template <size_t size> struct ring {
  static constexpr uint64_t slot_count = size < 1024 ? 4096 : 256;
  alignas(128) std::atomic<uint64_t> head; // written by the producer
  alignas(128) std::atomic<uint64_t> tail; // written by the consumer
  alignas(128) message<size> slots[slot_count];

  static void produce(void *p, uint64_t first, uint64_t n) {
    ring *r = static_cast<ring *>(p);
    uint64_t head = r->head.load(std::memory_order_relaxed);
    uint64_t tail = r->tail.load(std::memory_order_acquire);
    message<size> m = {};
    for (uint64_t i = 0; i < n; i++) {
      while (head - tail == slot_count) {
        tail = r->tail.load(std::memory_order_acquire);
        if (head - tail == slot_count) bench_relax();
      }
      m.words[0] = first + i;
      r->slots[head % slot_count] = m;
      r->head.store(++head, std::memory_order_release);
    }
  }
  static uint64_t consume(void *p, uint64_t first, uint64_t n) {
    ring *r = static_cast<ring *>(p);
    uint64_t tail = r->tail.load(std::memory_order_relaxed);
    uint64_t head = r->head.load(std::memory_order_acquire), wrong = 0;
    message<size> m;
    for (uint64_t i = 0; i < n; i++) {
      while (head == tail) {
        head = r->head.load(std::memory_order_acquire);
        if (head == tail) bench_relax();
      }
      m = r->slots[tail % slot_count];
      __asm__ volatile("" : : "r"(&m) : "memory"); // all of it is read
      wrong += m.words[0] != first + i;
      r->tail.store(++tail, std::memory_order_release);
    }
    return wrong;
  }

  static void measure() {
    void *memory = bench_shared(sizeof(ring));
    bench_stream_t s = {};
    s.row.contender = "C++ SPSC ring";
    s.row.lang = "C++";
    s.row.note = "positions in registers";
    s.row.wait = "spin";
    s.row.size = size;
    s.ctx = memory;
    s.produce = produce;
    s.consume = consume;
    bench_stream(&s);
    munmap(memory, sizeof(ring));
  }
};

int main(int argc, char **argv) {
  bench_init(argc, argv);
  ring<8>::measure();
  ring<64>::measure();
  ring<1024>::measure();
  ring<4096>::measure();
}

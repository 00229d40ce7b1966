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

#include "CInterprocess.h"

#include <stdlib.h>

// The compiler turns each into one instruction, or a loop of two; if it does not know the order, it
// chooses at run time.
#define BY_SIZE(expression)                                                                              \
  switch (byte_count) {                                                                                  \
  case 1: { typedef uint8_t word; return expression; }                                                   \
  case 2: { typedef uint16_t word; return expression; }                                                  \
  case 4: { typedef uint32_t word; return expression; }                                                  \
  case 8: { typedef uint64_t word; return expression; }                                                  \
  default: abort();                                                                                      \
  }

uint64_t ipc_atomic_load(const void *address, size_t byte_count, int order) {
  BY_SIZE(__atomic_load_n((const word *)address, order))
}

void ipc_atomic_store(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_store_n((word *)address, (word)value, order))
}

uint64_t ipc_atomic_exchange(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_exchange_n((word *)address, (word)value, order))
}

uint64_t ipc_atomic_add(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_fetch_add((word *)address, (word)value, order))
}

uint64_t ipc_atomic_and(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_fetch_and((word *)address, (word)value, order))
}

uint64_t ipc_atomic_or(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_fetch_or((word *)address, (word)value, order))
}

uint64_t ipc_atomic_xor(void *address, size_t byte_count, uint64_t value, int order) {
  BY_SIZE(__atomic_fetch_xor((word *)address, (word)value, order))
}

/// The order of the load in an update of the given order.
static int load_order(int order) {
  switch (order) {
  case IPC_RELEASING: return IPC_RELAXED;
  case IPC_ACQUIRING_AND_RELEASING: return IPC_ACQUIRING;
  default: return order;
  }
}

#define COMPARE_EXCHANGE                                                                                 \
  ({                                                                                                     \
    word found = (word)expected;                                                                         \
    __atomic_compare_exchange_n((word *)address, &found, (word)desired, 0, order, load_order(order));    \
    (uint64_t)found;                                                                                     \
  })

uint64_t ipc_atomic_compare_exchange(
    void *address, size_t byte_count, uint64_t expected, uint64_t desired, int order) {
  BY_SIZE(COMPARE_EXCHANGE)
}

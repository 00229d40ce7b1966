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

#ifndef CHARNESS_H
#define CHARNESS_H

#include <stddef.h>
#include <stdint.h>

// bench.h for Swift: the code that measures the peers in C, behind functions.

/// The description of a case in a row of the results.
typedef struct {
  const char *_Nonnull contender;
  const char *_Nonnull test;
  const char *_Nonnull what;
  const char *_Nonnull wait;
  const char *_Nonnull unit;
  const char *_Nonnull note;
  size_t size;
} harness_case;

typedef void (*harness_function)(void *_Nullable context);

/// Reads the options that the driver gives.
void harness_begin(int argc, char *_Nullable *_Nonnull argv);
const char *_Nonnull harness_mode(void);
int harness_size_count(void);
size_t harness_size(int index);
/// Pins this process to the first core.
void harness_pin(void);
uint64_t harness_now(void);

/// Times an operation again and again, and prints the row. A call of it counts as `count` operations.
void harness_time(
  const harness_case *_Nonnull row, size_t count, harness_function _Nonnull operation,
  void *_Nullable context);
/// Prints a row of one repetition.
void harness_emit(const harness_case *_Nonnull row, double value);
/// Reports that a case cannot run.
void harness_skip(const harness_case *_Nonnull row, const char *_Nonnull why);

/// Runs two functions in two forked processes, one on each core, and waits for them. One of them ends
/// with `harness_call` or `harness_receive`, the other with its counterpart.
void harness_pair(
  const harness_case *_Nonnull row, harness_function _Nonnull a, harness_function _Nonnull b,
  void *_Nullable context);
/// The side that asks. `call` sends a message and returns when the answer is there.
void harness_call(
  const harness_case *_Nonnull row, harness_function _Nonnull call, void *_Nullable context);
/// The side that answers. `serve` receives one message and sends it back.
void harness_serve(harness_function _Nonnull serve, void *_Nullable context);

/// Moves `count` messages that are numbered from `first`. Returns how many were wrong.
typedef uint64_t (*harness_messages)(void *_Nullable context, uint64_t first, uint64_t count);
/// The side that sends.
void harness_send(harness_messages _Nonnull send, void *_Nullable context);
/// The side that receives.
void harness_receive(
  const harness_case *_Nonnull row, harness_messages _Nonnull receive, void *_Nullable context);

/// Runs a function in a forked process, which must end with `harness_end_abruptly`.
void harness_child(harness_function _Nonnull function, void *_Nullable context);

/// Ends this process as if it were killed.
_Noreturn void harness_end_abruptly(void);

/// Lets a process have this many files open. Returns whether it may.
int harness_allow_files(size_t count);

/// Does nothing with a value, but makes the compiler compute it.
static inline void harness_keep(uint64_t value) { __asm__ volatile("" : : "r"(value)); }
/// Does nothing, but the compiler must assume that it reads and writes all memory.
static inline void harness_touch_memory(void) { __asm__ volatile("" : : : "memory"); }

#endif

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
/// Whether this run measures only how a sleeper is woken.
int harness_is_asleep(void);

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

/// Runs `senders` and `receivers` as forked processes, and prints how much arrives in a second, and,
/// with `cost`, the time of each operation. Each process ends with `harness_crowd_send` or
/// `harness_crowd_receive`. `copies`: how many receivers get each message; 0: those that are fast
/// enough. `is_right` looks at the number of operations at the end.
typedef int (*harness_check)(void *_Nullable context, uint64_t count);
void harness_crowd(
  const harness_case *_Nonnull row, const harness_case *_Nullable cost, int senders, int receivers,
  int copies, harness_function _Nonnull sender, harness_function _Nonnull receiver,
  harness_check _Nonnull is_right, void *_Nullable context);
typedef void (*harness_send_one)(void *_Nullable context, uint64_t number);
void harness_crowd_send(harness_send_one _Nonnull send, void *_Nullable context);
/// Waits for a message.
typedef uint64_t (*harness_receive_one)(void *_Nullable context);
void harness_crowd_receive(harness_receive_one _Nonnull receive, void *_Nullable context);

/// Runs a function in two forked processes, which hand a lock to each other; each ends with
/// `harness_pass`. `hold` calls its argument while it holds the lock.
void harness_passing(
  const harness_case *_Nonnull row, harness_function _Nonnull side, void *_Nullable context);
typedef void (*harness_hold)(
  void *_Nullable context, void (*_Nonnull body)(void *_Nullable), void *_Nullable argument);
void harness_pass(harness_hold _Nonnull hold, void *_Nullable context);

/// Runs a function in a forked process, which must end with `harness_end_abruptly`.
void harness_child(harness_function _Nonnull function, void *_Nullable context);

/// Ends this process as if it were killed.
_Noreturn void harness_end_abruptly(void);

/// The processor time that this process has used, in nanoseconds, and how often its threads have given
/// up their processors to wait.
void harness_usage(uint64_t *_Nonnull nanoseconds, uint64_t *_Nonnull waits);

/// Lets a process have this many files open. Returns whether it may.
int harness_allow_files(size_t count);

/// Does nothing with a value, but makes the compiler compute it.
static inline void harness_keep(uint64_t value) { __asm__ volatile("" : : "r"(value)); }
/// Does nothing, but the compiler must assume that it reads and writes all memory.
static inline void harness_touch_memory(void) { __asm__ volatile("" : : : "memory"); }

/// For loops that wait for another core.
static inline void harness_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif

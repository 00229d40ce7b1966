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

// The layout of structured segments, for programs in C. The article "Layout" of the documentation
// describes the same. All numbers are in the byte order of the machine.

#ifndef INTERPROCESS_LAYOUT_H
#define INTERPROCESS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/// The first 8 bytes of every structured segment.
#define IPC_MAGIC "SWIFTIPC"
/// The version of the layout that this header describes.
#define IPC_LAYOUT_VERSION 1
/// The value of `byte_order`, in the byte order of its writer.
#define IPC_BYTE_ORDER 0x01020304
/// `content_offset` is a multiple of this: two cache lines, as processors fetch them in pairs.
#define IPC_CONTENT_ALIGNMENT 128

/// What a segment contains.
enum {
  IPC_KIND_VALUE = 1,
  IPC_KIND_MUTEX = 2,
  IPC_KIND_READ_WRITE_LOCK = 3,
  IPC_KIND_SEMAPHORE = 4,
  IPC_KIND_EVENT = 5,
  IPC_KIND_BARRIER = 6,
  IPC_KIND_ATOMIC = 7,
  IPC_KIND_QUEUE = 8,
  IPC_KIND_BYTE_QUEUE = 9,
  IPC_KIND_TOPIC = 10,
};

/// The name of a kind; `NULL` for a number that this version does not know.
static inline const char *ipc_kind_name(uint32_t kind) {
  switch (kind) {
  case IPC_KIND_VALUE: return "value";
  case IPC_KIND_MUTEX: return "mutex";
  case IPC_KIND_READ_WRITE_LOCK: return "read-write lock";
  case IPC_KIND_SEMAPHORE: return "semaphore";
  case IPC_KIND_EVENT: return "event";
  case IPC_KIND_BARRIER: return "barrier";
  case IPC_KIND_ATOMIC: return "atomic";
  case IPC_KIND_QUEUE: return "queue";
  case IPC_KIND_BYTE_QUEUE: return "byte queue";
  case IPC_KIND_TOPIC: return "topic";
  default: return NULL;
  }
}

/// The beginning of every structured segment. It never changes once the segment has its name.
typedef struct ipc_segment_header {
  /// `IPC_MAGIC`, without a NUL.
  uint8_t magic[8];
  uint32_t version;
  uint32_t kind;
  uint32_t byte_order;
  /// The size of a pointer, in bytes, in the process that created the segment.
  uint32_t word_byte_count;
  /// The size of the whole segment, in bytes.
  uint64_t byte_count;
  /// How many elements there is room for.
  uint64_t capacity;
  /// One element: its size, the distance to the next one, and its alignment, all in bytes.
  uint64_t element_size;
  uint64_t element_stride;
  uint64_t element_alignment;
  /// The 64-bit FNV-1a hash of the description.
  uint64_t fingerprint;
  /// Where the part that depends on the kind begins.
  uint64_t content_offset;
  /// The size in bytes of the description, which follows this structure: the dtype of an element as
  /// NumPy's `numpy.lib.format.descr_to_dtype` reads it, in UTF-8.
  uint64_t description_byte_count;
  uint64_t reserved[5];
} ipc_segment_header;

/// `IPC_KIND_VALUE`: the latest value that one writer has stored.
///
/// This structure lies at `content_offset`, followed by `capacity` slots of `slot_stride` bytes
/// each, the first of them at a multiple of `IPC_CONTENT_ALIGNMENT`. Version n of the value lies in
/// slot n % capacity.
typedef struct ipc_value {
  /// The version of the latest value; the first one, which the creator writes, is 1. Atomic.
  uint64_t version;
  /// The distance from one slot to the next, in bytes.
  uint64_t slot_stride;
  /// Waiters for a version sleep on this word, as on the gate of `ipc_queue_side`. Atomic.
  uint32_t gate;
  /// The same as in `ipc_queue_side`. Atomic.
  uint32_t fence_request;
} ipc_value;

/// A slot: its version, and then the words of the element, 8 bytes each, all of them atomic.
typedef struct ipc_value_slot {
  /// The version whose value lies here, or 0 while one is being written.
  uint64_t version;
  uint64_t words[];
} ipc_value_slot;

/// The byte of the file on which every handle holds a shared lock (`F_OFD_SETLK`), far past its end.
#define IPC_LEASE_BYTE 0x4000000000000000
/// A handle that holds something has a number, at least 1 and below `IPC_ABANDONED`, and with it an
/// exclusive lock (`F_OFD_SETLK`) on the byte of the file at this offset plus the number. If no
/// process holds that lock (`F_OFD_GETLK`), the holder of the number is dead.
#define IPC_NUMBER_BYTE 0x4000000100000000
/// Stands in place of the number of a holder that died.
#define IPC_ABANDONED 0x3fffffffu

/// `IPC_KIND_MUTEX`: a lock and its value of `element_size` bytes, which follows this structure.
typedef struct ipc_mutex {
  /// 0 if the lock is free, the holder's number, or `IPC_ABANDONED`; added to any of these,
  /// `IPC_MUTEX_WAITERS` if a waiter may sleep on the word. Atomic.
  uint32_t word;
  /// Waiters for a change of the value sleep on this word: even, or odd if a waiter may sleep.
  /// Atomic.
  uint32_t change_count;
  uint32_t reserved[2];
} ipc_mutex;

#define IPC_MUTEX_WAITERS 0x80000000u

/// `IPC_KIND_READ_WRITE_LOCK`: a value of `element_size` bytes, and a lock for `capacity` readers
/// or one writer. This structure is followed by `capacity` places of readers, `IPC_READER_STRIDE`
/// bytes from one to the next, and then by the value.
typedef struct ipc_read_write_lock {
  /// The lock of the writer, like that of `ipc_mutex`. Atomic.
  uint32_t word;
  uint32_t change_count;
  /// Counts by 2 the places that were given back while a waiter slept on it; odd if a waiter may
  /// sleep. Atomic.
  uint32_t gate;
  uint32_t reserved[29];
} ipc_read_write_lock;

/// A place of a reader: 0 if it is free, or the number of the handle that reads. Atomic, 4 bytes.
#define IPC_READER_STRIDE 64

/// `IPC_KIND_SEMAPHORE`: `capacity` permits.
typedef struct ipc_semaphore {
  /// Counts by 2 the permits that were given back while a waiter slept on it; odd if a waiter may
  /// sleep. Atomic.
  uint32_t gate;
  uint32_t reserved[31];
  /// 0 if the permit is free, or the number of its holder. Atomic.
  uint32_t permits[];
} ipc_semaphore;

/// `IPC_KIND_EVENT`: a signal that is set or not set.
typedef struct ipc_event {
  /// The generation times 4; plus `IPC_EVENT_SET` if it is set; plus `IPC_EVENT_WAITERS` if a
  /// waiter may sleep on the word. Atomic.
  uint32_t word;
} ipc_event;

#define IPC_EVENT_WAITERS 1u
#define IPC_EVENT_SET 2u

/// `IPC_KIND_BARRIER`: a place where `capacity` parties meet.
typedef struct ipc_barrier {
  /// From the lowest bit up: `IPC_BARRIER_WAITERS` if a waiter may sleep on the word;
  /// `IPC_BARRIER_DEATH` or `IPC_BARRIER_TIMEOUT` if it is broken; 16 bits with the number of
  /// parties that have arrived; and 13 bits with the number of the round. Atomic.
  uint32_t word;
  /// No waiter sleeps on it.
  uint32_t gate;
  /// 0, or the number of the handle that is this party. Atomic.
  uint32_t parties[];
} ipc_barrier;

#define IPC_BARRIER_WAITERS 1u
#define IPC_BARRIER_DEATH 2u
#define IPC_BARRIER_TIMEOUT 4u

/// `IPC_KIND_ATOMIC`: an integer of `element_size` bytes.
typedef struct ipc_integer {
  /// The integer, in the first `element_size` bytes. Atomic.
  uint8_t value[8];
  /// Counts by 2 the changes that were announced while a waiter slept on it; odd if a waiter may
  /// sleep. Atomic.
  uint32_t gate;
  uint32_t reserved;
} ipc_integer;

/// One side of a queue: the senders, or the receivers.
typedef struct ipc_queue_side {
  /// The lock of the side, like that of `ipc_mutex`, held for each message, or permanently if the
  /// side has only one. Atomic.
  uint32_t word;
  uint32_t change_count;
  /// How many messages have been sent, or taken; for a queue of bytes, how many bytes. Atomic.
  /// The only sender of a queue stores it only at the end of each group: if the count of the group
  /// of that message is greater, then that is how many have been sent.
  uint64_t position;
  /// For the sending side: a position up to which the last sender knew of room; a hint. For the
  /// receiving side of a queue of bytes: the position up to which everything has been read. Atomic.
  uint64_t limit;
  /// How often a process of this side slept, and how many of the other side this side has woken.
  /// Atomic.
  uint64_t sleep_count;
  uint64_t woken_count;
  /// For a queue of bytes: how many messages this side has sent, or taken. Atomic.
  uint64_t message_count;
  /// For the publishing side of a topic: how many slots are in each of the two lists. Atomic.
  uint32_t free_count;
  uint32_t retired_count;
  /// For the publishing side of a topic: the slots announced for the next message and for the one
  /// after that, each plus 1, or 0. Atomic.
  uint32_t next_slot;
  uint32_t second_slot;
  uint8_t reserved[64];
  /// Waiters of this side sleep on this word. Counts by 2 how often it was opened while a waiter
  /// slept; odd if a waiter may sleep. Atomic.
  uint32_t gate;
  /// Not 0 if a process that sleeps here cannot call `membarrier`. Atomic.
  uint32_t fence_request;
  uint8_t also_reserved[120];
} ipc_queue_side;

/// `IPC_KIND_QUEUE`: up to `capacity` messages. This structure is followed by the groups, whole
/// cache lines each: 8 bytes with the count (or as many as the alignment of an element, if that is
/// more), and then as many messages as fit into 64 bytes with the count, but at least one.
typedef struct ipc_queue {
  /// `IPC_QUEUE_ONE` or `IPC_QUEUE_MANY`.
  uint32_t senders;
  uint32_t receivers;
  /// 1 if no more messages will be sent. Atomic.
  uint32_t is_finished;
  uint8_t reserved[116];
  ipc_queue_side sending;
  ipc_queue_side receiving;
  /// The first group. Its first 8 bytes are the count: how many messages in all have been sent, up
  /// to the last one in this group, or less, if the messages are from an earlier round. Atomic.
  uint64_t count;
} ipc_queue;

#define IPC_QUEUE_ONE 1
#define IPC_QUEUE_MANY 2

/// `IPC_KIND_BYTE_QUEUE`: messages of any length in a ring of `capacity` bytes, a power of two. A
/// message begins at a multiple of 8, with its head.
typedef struct ipc_byte_queue {
  /// The same as in `ipc_queue`.
  uint32_t senders;
  uint32_t receivers;
  uint32_t is_finished;
  uint32_t reserved;
  /// The greatest length of a message, in bytes.
  uint64_t maximum_byte_count;
  uint8_t also_reserved[104];
  ipc_queue_side sending;
  ipc_queue_side receiving;
  /// The head at the beginning of the ring: 0 if there is no message, or its length in bytes plus
  /// 1; or `IPC_BYTE_QUEUE_SKIP` if the message lies at the beginning of the ring. Atomic.
  uint64_t head;
} ipc_byte_queue;

#define IPC_BYTE_QUEUE_SKIP UINT64_MAX

/// `IPC_KIND_TOPIC`: messages of 1 to `maximum_element_count` elements, of which the last
/// `capacity` are kept. This structure is followed by the subscribers, and then by the entries.
///
/// If messages lie in slots, there is an entry of 8 bytes for each message that is kept: 0, or the
/// low 48 bits of its number plus 1, shifted left by 16, and its slot plus 1. The entries are
/// followed, from a multiple of 128 on, by the lists of free and of retired slots, 4 bytes for each
/// slot; and, from a multiple of 128 on, by the slots, whole cache lines each: a head of 16 bytes (or
/// as many as the alignment of an element, if that is more), and the elements. There are `capacity` +
/// `maximum_subscriber_count` * `maximum_sample_count` + 2 slots. The head has two words, atomic: 0,
/// or the low 48 bits of the number of the slot's message plus 1, shifted left by 16, and
/// `IPC_TOPIC_UNWRITTEN` or `IPC_TOPIC_WRITTEN`; and the number of elements, shifted left by 16, and
/// the slot of the next message plus 1, or 0.
///
/// If messages lie in their entries, these have 64 bytes each, and their number is the smallest power
/// of two above `capacity`. An entry begins with a word like the first one of a slot. The message
/// follows.
typedef struct ipc_topic {
  /// `IPC_QUEUE_ONE` or `IPC_QUEUE_MANY`.
  uint32_t publishers;
  /// 1 if messages lie in their entries: only if they have one element of up to
  /// `IPC_TOPIC_ENTRY_BYTE_COUNT` bytes. 0 if they lie in slots.
  uint32_t is_in_entries;
  /// 1 if no more messages will be published. Atomic.
  uint32_t is_finished;
  uint32_t also_reserved;
  uint64_t maximum_element_count;
  uint32_t maximum_subscriber_count;
  uint32_t maximum_sample_count;
  uint8_t reserved_too[96];
  ipc_queue_side publishing;
  ipc_queue_side subscribing;
  /// Messages that former subscribers have received, and missed. Atomic.
  uint64_t received_total;
  uint64_t missed_total;
  /// Twice the number of subscriptions so far, plus 1 if any publisher has waited for subscribers.
  /// Atomic.
  uint64_t arrivals;
  uint8_t reserved_last[104];
} ipc_topic;

/// The message of a slot or an entry has yet to be written, or has been written.
#define IPC_TOPIC_UNWRITTEN 1
#define IPC_TOPIC_WRITTEN 2
/// The room for a message in its entry.
#define IPC_TOPIC_ENTRY_BYTE_COUNT 56

/// One subscriber of a topic, padded to a multiple of 128 bytes.
typedef struct ipc_subscriber {
  /// 0, or the number of the handle that holds the place. Atomic.
  uint32_t number;
  uint32_t reserved;
  /// The next message that it wants. Atomic.
  uint64_t position;
  /// How many messages it has received, and missed. Atomic.
  uint64_t received_count;
  uint64_t missed_count;
  /// For each sample, the slot that it holds plus 1, or 0. Atomic.
  uint32_t pins[];
} ipc_subscriber;

// Checked wherever this header is compiled.
#ifdef __cplusplus
static_assert(sizeof(ipc_segment_header) == 128, "the header has 128 bytes");
#else
_Static_assert(sizeof(ipc_segment_header) == 128, "the header has 128 bytes");
#endif

#endif

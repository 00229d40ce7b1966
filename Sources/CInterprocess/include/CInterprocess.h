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

#ifndef CINTERPROCESS_H
#define CINTERPROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "interprocess_layout.h"

// This header includes no other system header: what one of them declares would count as declared here.

// Constants that the C library shows only to `_GNU_SOURCE`, which a header that Swift imports must
// not define.

/// `O_TMPFILE`: a file without a name in the given directory.
extern const int ipc_O_TMPFILE;
/// `O_PATH`: a descriptor that only tells where a file lies, and needs no permission on it.
extern const int ipc_O_PATH;
/// `AT_EMPTY_PATH`: the file of the descriptor itself.
extern const int ipc_AT_EMPTY_PATH;
/// `F_OFD_GETLK`, `F_OFD_SETLK`: locks that belong to an open file description, not to a process.
extern const int ipc_F_OFD_GETLK;
extern const int ipc_F_OFD_SETLK;
/// `SEEK_DATA`: the next part of a file that is no hole.
extern const int ipc_SEEK_DATA;
/// `RENAME_NOREPLACE`.
extern const unsigned ipc_RENAME_NOREPLACE;

/// `renameat2` between two paths, or `rename` without flags.
int ipc_rename(const char *_Nonnull from, const char *_Nonnull to, unsigned flags);

/// The time at which the file was made, as `statx` tells it, in whole seconds since 1970 and nanoseconds.
/// Returns 0, or -1 with `errno`; `ENODATA` where the file system keeps no such time.
int ipc_birth_time(int fd, int64_t *_Nonnull seconds, int64_t *_Nonnull nanoseconds);

// MARK: - The mark of temporary memory

/// Notes in an extended attribute of the file, which has to be writable by its mode, that this inode is
/// temporary memory. A copy of the file carries the same attribute, and is another inode. Returns 0, or -1
/// with `errno`; `ENOTSUP` where the file system keeps no such attributes (tmpfs before Linux 6.6).
int ipc_set_temporary_mark(int fd);
/// Whether a file has the mark of its own inode: the file at `path`, or, if that is NULL, of the descriptor.
/// Returns 1 or 0, or -1 with `errno` if that cannot be seen.
int ipc_has_temporary_mark(int fd, const char *_Nullable path);

// MARK: - Mapping

/// `mremap` with leave to move. Returns `MAP_FAILED` with `errno`.
void *_Nullable ipc_remap(void *_Nonnull start, size_t old_byte_count, size_t byte_count);

/// The two parts of a device number, as the kernel prints them.
unsigned ipc_device_major(uint64_t device);
unsigned ipc_device_minor(uint64_t device);

// MARK: - Atomic integers

/// The orders of memory, as the compiler's own functions number them.
enum {
  IPC_RELAXED = __ATOMIC_RELAXED,
  IPC_ACQUIRING = __ATOMIC_ACQUIRE,
  IPC_RELEASING = __ATOMIC_RELEASE,
  IPC_ACQUIRING_AND_RELEASING = __ATOMIC_ACQ_REL,
  IPC_SEQUENTIALLY_CONSISTENT = __ATOMIC_SEQ_CST,
};

// Operations on an aligned integer of 1, 2, 4 or 8 bytes. Those that change it return what it was before.
uint64_t ipc_atomic_load(const void *_Nonnull address, size_t byte_count, int order);
void ipc_atomic_store(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
uint64_t ipc_atomic_exchange(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
uint64_t ipc_atomic_add(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
uint64_t ipc_atomic_and(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
uint64_t ipc_atomic_or(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
uint64_t ipc_atomic_xor(void *_Nonnull address, size_t byte_count, uint64_t value, int order);
/// Stores `desired` if the integer is `expected`.
uint64_t ipc_atomic_compare_exchange(
    void *_Nonnull address, size_t byte_count, uint64_t expected, uint64_t desired, int order);

// MARK: - Anonymous memory

/// `memfd_create` with `MFD_CLOEXEC` and leave to seal.
int ipc_open_anonymous(void);
/// Seals the size of such a file: nobody can shrink it, enlarge it, or take the seals away.
int ipc_seal_size(int fd);
/// Whether nobody can shrink the file.
int ipc_is_sealed_against_shrinking(int fd);

/// Sends all bytes of a message over a socket, and a descriptor with the first of them. Returns 0, or -1
/// with `errno`; a socket that the other side has closed is `EPIPE`, and no signal.
int ipc_send(int socket, int fd, const void *_Nonnull bytes, size_t byte_count);
/// Receives exactly that many bytes and the descriptor that came with them, which is closed on `exec`.
/// Returns the descriptor, or -1 with `errno`: `ENOMSG` if the other side has closed the socket before,
/// `EBADMSG` if the message is cut short or comes with no descriptor or with several.
int ipc_receive(int socket, void *_Nonnull bytes, size_t byte_count);

// MARK: - Copying

/// As `memmove`, for more bytes than the caches hold: where the two do not overlap, past the caches, which
/// saves reading what is overwritten.
void ipc_copy_large(void *_Nonnull to, const void *_Nonnull from, size_t byte_count);

// MARK: - Waiting

/// `FUTEX_WAIT` between processes: sleeps while the word has the value, at most for so long. Returns 0,
/// or -1 with `errno`: `EAGAIN` if the word has another value, `ETIMEDOUT`, `EINTR`.
int ipc_futex_wait(const void *_Nonnull word, uint32_t value, int64_t seconds, int64_t nanoseconds);
/// A word to sleep on, and the value that it has.
typedef struct ipc_futex_word {
  const void *_Nonnull word;
  uint32_t value;
} ipc_futex_word;
/// `futex_waitv` between processes: sleeps while each word has its value, at most for so long, or, with
/// negative seconds, for ever. Returns which one was woken, or -1 with `errno`; `EINVAL` for more than 128.
int ipc_futex_wait_any(const ipc_futex_word *_Nonnull words, size_t count, int64_t seconds, int64_t nanoseconds);
/// `FUTEX_WAKE` between processes. Returns how many it has woken, or -1 with `errno`.
int ipc_futex_wake(const void *_Nonnull word, int count);

/// `membarrier`: makes every thread that runs, of every process that has called `ipc_fence_register`, do a
/// full fence. Returns 0, or -1 with `errno`.
int ipc_fence_all(void);
/// Lets others fence for the threads of this process. Returns 0, or -1 if the system cannot.
int ipc_fence_register(void);

/// What the processor likes to be told in a loop that waits for another one.
static inline void ipc_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/// Lets the processor fetch a cache line that is about to be read.
static inline void ipc_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0); }

/// Lets the processor fetch a cache line that is about to be written.
static inline void ipc_prefetch_to_write(const void *_Nonnull address) {
  __builtin_prefetch(address, 1);
}

/// A number of this thread, which no other thread of the process has while it lives; 0 for none.
static inline uintptr_t ipc_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }

/// How many processors run.
int ipc_processor_count(void);

// MARK: - Forked children

/// An open file of the library and the memory that is mapped from it, as a forked child finds them.
///
/// A lease belongs to an open file description. A child that `fork` makes inherits descriptors and
/// mappings of that same description, and would keep the lease for as long as it runs. So every file
/// that may hold one is noted in a list, and in the child, before `fork` returns there, each is
/// exchanged for a description of the child's own, which holds no lease: under the same number, and
/// mapped at the same address.
typedef struct ipc_file {
  int fd;
  int is_writable;
  void *_Nullable start;
  size_t byte_count;
  struct ipc_file *_Nullable next;
  struct ipc_file *_Nullable previous;
} ipc_file;

/// Holds off `fork` in other threads. To be held from before a file is opened until it is noted, and while
/// its mapping changes.
void ipc_fork_lock(void);
void ipc_fork_unlock(void);

/// How many forks lie between the first process that used the library and this one. A lock that was taken
/// in another generation is not held in this process.
static inline uint32_t ipc_fork_generation(void) {
  // Not the variable itself, which Swift would take for one that anybody changes at any time.
  extern uint32_t ipc_generation;
  return ipc_generation;
}

/// Notes a file, with the lock held. Returns NULL with `errno` if there is no memory.
ipc_file *_Nullable ipc_file_note(int fd, int is_writable);

/// Closes a file and strikes it off the list. Takes the lock itself: a `fork` between the two would leave
/// the child with a descriptor that is not in the list, and with its lease.
void ipc_file_close(ipc_file *_Nonnull file);

#endif

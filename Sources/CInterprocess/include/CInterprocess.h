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
/// `SEEK_HOLE`: the next hole of a file, or its end.
extern const int ipc_SEEK_HOLE;
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

// MARK: - Who has a file open

/// Asks the kernel whether anybody else has the file open or mapped, in any process, also of other
/// containers: only then does it refuse a lease (`F_SETLEASE`) for writing, which is given back at once.
/// Returns 1 or 0, or -1 with `errno`: `EACCES` if the caller is not the owner, `EINVAL` where there are no
/// leases.
int ipc_is_open_elsewhere(int fd);
/// Whether the file lies on a tmpfs. Returns 1 or 0, or -1 with `errno`.
int ipc_is_on_tmpfs(int fd);
/// Whether an access list says more than the mode about who may open the file. Returns 1 or 0, or -1 with
/// `errno`.
int ipc_has_access_list(int fd);
/// `fchmod` for a descriptor that was opened with `O_PATH`.
int ipc_set_mode(int path_fd, unsigned mode);

// MARK: - The arguments of the program

// Swift's own `CommandLine` reads them from `/proc`, and has none where there is no `/proc`.

/// How many words the program was started with, the name of the program included.
int ipc_argument_count(void);
/// One of them.
const char *_Nonnull ipc_argument(int index);
/// The path that the program was started by, from the directory that it was started in.
const char *_Nullable ipc_program(void);

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

/// The seals of a file in memory. Returns -1 with `errno`: `EINVAL` for a file of any other kind, `EBADF`
/// for a descriptor of `O_PATH`. Asks nobody but the kernel.
int ipc_seals(int fd);
/// Seals against further seals, which all files in memory have from the beginning.
extern const int ipc_F_SEAL_SEAL;
/// Seals against new mappings and calls that write.
extern const int ipc_F_SEAL_WRITE;
extern const int ipc_F_SEAL_FUTURE_WRITE;
/// Whether the file lies in a tmpfs, as those of `memfd_create` do unless they are of huge pages.
/// Returns -1 with `errno`.
int ipc_is_in_tmpfs(int fd);
/// The type of a file, as in the `st_mode` of `fstat`, without asking the process that serves its file system.
/// Returns 0 if it cannot be known.
unsigned ipc_file_type(int fd);

// MARK: - Sockets

/// `POLLRDHUP`: the other side sends nothing more.
extern const short ipc_POLLRDHUP;

/// The type of a Unix socket, such as `SOCK_STREAM`. Returns -1 with `errno`: `EAFNOSUPPORT` for a socket
/// of another family.
int ipc_unix_socket_type(int socket);

/// Makes two Unix sockets that are connected with each other. Returns one, or -1 with `errno`.
int ipc_socket_pair(int *_Nonnull other);

/// Sends a message with a descriptor over a Unix socket, without waiting. Returns 0, or -1 with `errno`:
/// `EAGAIN` if there is no room, in which case nothing was sent; a socket that the other side has closed
/// is `EPIPE`, and no signal.
int ipc_send(int socket, int fd, const void *_Nonnull bytes, size_t byte_count);

/// Receives a message of exactly that many bytes, and the descriptor that came with it, which is closed
/// on `exec`, from a Unix socket of that type, without waiting.
///
/// Unless the socket is closed, that is, unless the other side sends nothing more, a message that is not
/// whole yet is left where it is. Returns the descriptor, or -1 with `errno`: `EAGAIN` if no whole message is
/// there, and `EMFILE` if there is no number for a descriptor; nothing is taken then. `ENOMSG` if the other
/// side has closed the socket before, `EBADMSG` if the message is cut short or too long, or comes with no
/// descriptor or with several, all of which are closed.
int ipc_receive(int socket, int type, int is_closed, void *_Nonnull bytes, size_t byte_count);

/// Closes descriptors that came from another process.
///
/// To close a file of a file system that a process serves, or a socket that lingers, can take as long as
/// whoever sent it likes. So all but files in memory are closed by a thread of their own.
void ipc_close_foreign(const int *_Nonnull fds, size_t count);

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

/// Whether a signal ends the waits of this thread.
int ipc_interruption(void);
void ipc_set_interruption(int ends_waits);

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

/// Gives this thread its number.
uint64_t ipc_number_thread(void);
/// A number of this thread, which no other thread of the process ever has, also when this one has ended; not
/// 0. The thread that a forked child has keeps its own.
static inline uint64_t ipc_thread(void) {
  // A fixed distance from the thread pointer, as the C library's own; 8 bytes, for which it has room also in
  // a library that is loaded later.
  extern _Thread_local uint64_t ipc_thread_number __attribute__((tls_model("initial-exec")));
  uint64_t number = ipc_thread_number;
  return number != 0 ? number : ipc_number_thread();
}

/// How many processors run.
int ipc_processor_count(void);

// MARK: - Sizes

/// `fallocate` without flags: takes the pages of a range, and makes the file at least that large. Returns 0 or an
/// error number, and leaves `errno` alone, as `posix_fallocate`, which does more where the system refuses that.
int ipc_reserve(int fd, int64_t offset, int64_t byte_count);
/// `fallocate` with `FALLOC_FL_KEEP_SIZE`: takes the pages of a range, which may lie behind the end of the file.
/// The size stays.
int ipc_take_pages(int fd, int64_t offset, int64_t byte_count);
/// `fallocate` with `FALLOC_FL_PUNCH_HOLE`: gives back the whole pages of a range, and fills the parts of others
/// with zeros, also behind the end of the file. The size stays.
int ipc_discard_pages(int fd, int64_t offset, int64_t byte_count);
/// `madvise` with `MADV_POPULATE_WRITE`: takes the pages of a mapping as writes would, and changes no byte. Returns
/// 0, or -1 with `errno`: `EFAULT` if there are none to be had, `EINVAL` before Linux 5.14.
int ipc_populate(void *_Nonnull start, size_t byte_count);

// MARK: - Guarded reading

/// A scope in which this thread reads a mapping that others may shrink.
typedef struct ipc_guard {
  struct guarded_range *_Nullable range;
  struct ipc_guard *_Nullable outer;
  int was_blocked;
} ipc_guard;

/// Begins a scope: until its end, a page of the range that the file does not have reads as zeros in this
/// thread, and raises no SIGBUS. The scope stays at its address, and scopes of a thread end in the opposite order.
/// Returns 0, or -1 with `errno`.
int ipc_guard_begin(
    ipc_guard *_Nonnull guard, const void *_Nonnull start, size_t byte_count, int fd, int is_writable);
/// Ends it. Returns whether anyone may have read zeros that are not in the file; they are gone once no scope
/// on the range is left.
int ipc_guard_end(ipc_guard *_Nonnull guard);

// MARK: - Forked children

/// An open file of the library and the memory that is mapped from it, as a forked child finds them.
///
/// A lease belongs to an open file description. A child that `fork` makes inherits descriptors and
/// mappings of that same description, and would keep the lease for as long as it runs. So every file
/// that may hold one is noted in a list, and in the child, before `fork` returns there, each is
/// exchanged for a description of the child's own, which holds no lease: under the same number, and
/// mapped at the same address.
///
/// Where a file cannot be opened once more (no descriptor is free, its mode forbids it, or there is
/// neither `/proc` nor a name to find it by), the child keeps what it has inherited, and with it its
/// parent's lease. It tries again whenever it needs a lock; until then it takes, drops and looks at none,
/// since locks on a description that two processes share keep neither of them out.
///
/// The program may close any descriptor, and open something else under its number. So which file it was is
/// noted, and the number is used only while it leads there.
///
/// A child of `_Fork` or of a plain `clone` runs no handlers: it holds its parent's leases for as long as
/// it runs, and must not use what it has inherited but to read and write the bytes.
typedef struct ipc_file {
  /// -1 when the number is known to be lost.
  int fd;
  int is_writable;
  uint64_t device;
  uint64_t inode;
  /// A name that the file can be found by, if one is known.
  char *_Nullable path;
  void *_Nullable start;
  size_t byte_count;
  int was_mapped;
  /// Whether the description is that of the process that forked this one.
  int is_inherited;
  /// Whether this process has taken a lock on the description.
  int holds_locks;
  /// The generation in which the file has got the lease of its handle.
  uint32_t lease_generation;
  struct ipc_file *_Nullable next;
  struct ipc_file *_Nullable previous;
} ipc_file;

/// Holds off `fork` in other threads. To be held from before a file is opened until it is noted, and while
/// its mapping changes. A thread may hold it several times over.
void ipc_fork_lock(void);
void ipc_fork_unlock(void);

/// How many forks lie between the first process that used the library and this one. A lock that was taken
/// in another generation is not held in this process.
static inline uint32_t ipc_fork_generation(void) {
  // Not the variable itself, which Swift would take for one that anybody changes at any time.
  extern uint32_t ipc_generation;
  return ipc_generation;
}
/// Where that number lies. It changes in a child, before `fork` returns there.
const uint32_t *_Nonnull ipc_fork_generation_word(void);

/// Notes a file, with the lock held. Returns NULL with `errno` if there is no memory.
ipc_file *_Nullable ipc_file_note(int fd, int is_writable);
/// Notes a name that the file can be found by.
void ipc_file_note_path(ipc_file *_Nonnull file, const char *_Nonnull path);
/// Notes what is mapped from the file, with the lock held.
void ipc_file_note_mapping(ipc_file *_Nonnull file, void *_Nullable start, size_t byte_count);

/// The descriptor; -1 if its number leads to the file no more. Of one that was never mapped, the number as it is.
int ipc_file_number(const ipc_file *_Nonnull file);
/// The descriptor, mapped or not; -1 if its number leads to the file no more.
int ipc_file_proven_number(const ipc_file *_Nonnull file);
/// Sees to it that the file has a descriptor, of a description that no other process shares by `fork`.
/// Returns 0, or -1 if that cannot be.
int ipc_file_own(ipc_file *_Nonnull file);
/// The descriptor to take, drop or look at locks by; -1 if the file has none that can be trusted.
int ipc_file_number_for_lock(ipc_file *_Nonnull file, int takes_lock);

/// Closes a file and strikes it off the list; a number that leads elsewhere stays open. Takes the lock
/// itself: a `fork` between the two would leave the child with a descriptor that is not in the list, and
/// with its lease.
void ipc_file_close(ipc_file *_Nonnull file);

// MARK: - The end of the process

/// The name of temporary memory that a handle of this process gives up when it is closed.
///
/// Nothing is called for handles in globals when a program ends: so these names are in a list, and those that
/// are still in it at `exit` or at the end of `main` are given up then.
typedef struct ipc_held_name {
  /// What is given up; the list has a reference to it.
  void *_Nullable object;
  /// The process that has noted it: a forked child inherits the list, and holds none of the leases.
  uint32_t generation;
  int process;
  int is_listed;
  struct ipc_held_name *_Nullable next;
  struct ipc_held_name *_Nullable previous;
} ipc_held_name;

/// Gives up what a name is for, and takes over the reference of the list.
typedef void (*ipc_give_up_function)(void *_Nonnull object, int is_patient);

/// Begins what must not be cut off by the end of the process in another thread: from before memory gets its
/// name, or a handle its lease, until the name is noted; and from before a name is struck off the list
/// until it is removed. The end of the process waits for it, up to a second.
///
/// When the process is already ending, this waits until all names are given up, and, unless the thread is
/// leaving one, for up to a second for the process to be gone: a name that came later would stay behind.
void ipc_names_enter(int is_leaving);
void ipc_names_leave(void);

/// Puts a name into the list, as one of this process. Returns whether it was not there before: a forked child
/// may take over one that it has inherited.
int ipc_name_note(ipc_held_name *_Nonnull name, ipc_give_up_function _Nonnull function);

typedef enum ipc_strike_result {
  /// Somebody has given it up, or does so now.
  IPC_NOT_LISTED,
  /// It is for the caller to give up, who takes over the reference of the list.
  IPC_OWN,
  /// The parent of this process is to give it up; the caller takes over the reference.
  IPC_OF_ANOTHER_PROCESS,
} ipc_strike_result;

/// Takes a name off the list.
ipc_strike_result ipc_name_strike(ipc_held_name *_Nonnull name);

#endif

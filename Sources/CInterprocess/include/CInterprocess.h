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

// This header includes no other system header: their declarations would count as declared here.

// Constants that the C library defines only with `_GNU_SOURCE`, which a header that Swift imports
// must not define.

/// `O_TMPFILE`: a file without a name in the given directory.
extern const int ipc_O_TMPFILE;
/// `O_PATH`: a descriptor that only locates a file, and needs no permission on it.
extern const int ipc_O_PATH;
/// `AT_EMPTY_PATH`: the file of the descriptor itself.
extern const int ipc_AT_EMPTY_PATH;
/// `F_OFD_GETLK`, `F_OFD_SETLK`: locks that belong to an open file description, not to a process.
extern const int ipc_F_OFD_GETLK;
extern const int ipc_F_OFD_SETLK;
/// `SEEK_DATA`: the next part of a file that is not a hole.
extern const int ipc_SEEK_DATA;
/// `SEEK_HOLE`: the next hole of a file, or its end.
extern const int ipc_SEEK_HOLE;
/// `RENAME_NOREPLACE`.
extern const unsigned ipc_RENAME_NOREPLACE;

/// `renameat2` between two paths, or `rename` without flags.
int ipc_rename(const char *_Nonnull from, const char *_Nonnull to, unsigned flags);

/// The time at which the file was created, as `statx` reports it, in whole seconds since 1970 and
/// nanoseconds. Returns 0, or -1 with `errno`; `ENODATA` if the file system stores no such time.
int ipc_birth_time(int fd, int64_t *_Nonnull seconds, int64_t *_Nonnull nanoseconds);

// MARK: - The mark of temporary memory

/// Records in an extended attribute of the file that this inode is temporary memory. The file must
/// be writable by its mode. A copy of the file carries the same attribute, but is another inode.
/// Returns 0, or -1 with `errno`; `ENOTSUP` if the file system stores no such attributes (tmpfs
/// before Linux 6.6).
int ipc_set_temporary_mark(int fd);
/// Whether a file has the mark of its own inode: the file at `path`, or, if that is NULL, the file
/// of the descriptor. Returns 1 or 0, or -1 with `errno` if that cannot be determined.
int ipc_has_temporary_mark(int fd, const char *_Nullable path);

// MARK: - Mapping

/// `mremap` to a target, which replaces what is mapped there, or, if that is `start`, in place. With
/// `NULL` the mapping may move anywhere. Returns `MAP_FAILED` with `errno`.
void *_Nullable ipc_remap(
    void *_Nonnull start, size_t old_byte_count, size_t byte_count, void *_Nullable target);

/// The two parts of a device number, as the kernel prints them.
unsigned ipc_device_major(uint64_t device);
unsigned ipc_device_minor(uint64_t device);

// MARK: - Processes that have a file open

/// Asks the kernel whether the file is open or mapped elsewhere, in any process, including other
/// containers: only then does it refuse a lease (`F_SETLEASE`) for writing, which is given back at
/// once. Returns 1 or 0, or -1 with `errno`: `EACCES` if the caller is not the owner, `EINVAL` if
/// there are no leases.
int ipc_is_open_elsewhere(int fd);
/// Whether an access list adds to what the mode says about who may open the file. Returns 1 or 0,
/// or -1 with `errno`.
int ipc_has_access_list(int fd);
/// `fchmod` for a descriptor that was opened with `O_PATH`.
int ipc_set_mode(int path_fd, unsigned mode);

// MARK: - The arguments of the program

// Swift's own `CommandLine` reads them from `/proc`, and has none if there is no `/proc`.

/// How many words the program was started with, including the name of the program.
int ipc_argument_count(void);
/// One of those words.
const char *_Nonnull ipc_argument(int index);
/// The path by which the program was started, relative to the directory in which it was started.
const char *_Nullable ipc_program(void);

// MARK: - Anonymous memory

/// `memfd_create` with `MFD_CLOEXEC`, allowing seals.
int ipc_open_anonymous(void);
/// Seals the size of such a file: no process can shrink it, enlarge it, or remove the seals.
int ipc_seal_size(int fd);
/// Whether no process can shrink the file.
int ipc_is_sealed_against_shrinking(int fd);

/// The seals of a file in memory. Returns -1 with `errno`: `EINVAL` for a file of any other kind,
/// `EBADF` for a descriptor of `O_PATH`. Asks only the kernel.
int ipc_seals(int fd);
/// The seal against further seals, which every file in memory has from the start unless it was
/// created to allow seals.
extern const int ipc_F_SEAL_SEAL;
/// The seal against new mappings and calls that write.
extern const int ipc_F_SEAL_WRITE;
extern const int ipc_F_SEAL_FUTURE_WRITE;
/// Whether the file lies in a tmpfs, as those of `memfd_create` do except on huge pages. Returns -1
/// with `errno`.
int ipc_is_in_tmpfs(int fd);
/// The type of a file, as in the `st_mode` of `fstat`, without asking the process that serves its
/// file system. Returns 0 if it cannot be known.
unsigned ipc_file_type(int fd);

// MARK: - Sockets

/// `POLLRDHUP`: the other side sends nothing more.
extern const short ipc_POLLRDHUP;

/// The type of a Unix socket, such as `SOCK_STREAM`. Returns -1 with `errno`: `EAFNOSUPPORT` for a
/// socket of another family.
int ipc_unix_socket_type(int socket);

/// Creates two connected Unix sockets. Returns one, or -1 with `errno`.
int ipc_socket_pair(int *_Nonnull other);

/// Sends a message with a descriptor over a Unix socket, without waiting. Returns 0, or -1 with
/// `errno`: `EAGAIN` if there is no room, in which case nothing was sent; `EPIPE`, without a
/// signal, if the other side has closed the socket.
int ipc_send(int socket, int fd, const void *_Nonnull bytes, size_t byte_count);

/// Receives a message of exactly that many bytes, and the descriptor that came with it, from a Unix
/// socket of that type, without waiting. The descriptor is closed on `exec`.
///
/// Unless the socket is closed, that is, unless the other side sends nothing more, a message that
/// is not yet whole is left in the socket. Returns the descriptor, or -1 with `errno`: `EAGAIN` if
/// there is no whole message, and `EMFILE` if there is no number for a descriptor; in both cases
/// nothing is taken. `ENOMSG` if the other side has closed the socket before the message, `EBADMSG`
/// if the message is cut short or too long, or comes with no descriptor or with several, all of
/// which are closed.
int ipc_receive(int socket, int type, int is_closed, void *_Nonnull bytes, size_t byte_count);

/// Closes descriptors that came from another process.
///
/// To close a file of a file system that a process serves, or a socket that lingers, can take as
/// long as the sender likes. So all but files in memory are closed by a separate thread.
void ipc_close_foreign(const int *_Nonnull fds, size_t count);

// MARK: - Copying

/// The same as `memmove`, for more bytes than the caches hold: if the two ranges do not overlap, it
/// bypasses the caches, which saves reading what is overwritten.
void ipc_copy_large(void *_Nonnull to, const void *_Nonnull from, size_t byte_count);

// MARK: - Waiting

/// `FUTEX_WAIT` between processes: sleeps while the word has the value, at most for the given time.
/// Returns 0, or -1 with `errno`: `EAGAIN` if the word has another value, `ETIMEDOUT`, `EINTR`.
int ipc_futex_wait(const void *_Nonnull word, uint32_t value, int64_t seconds, int64_t nanoseconds);
/// A word to sleep on, and its expected value.
typedef struct ipc_futex_word {
  const void *_Nonnull word;
  uint32_t value;
} ipc_futex_word;
/// `futex_waitv` between processes: sleeps while each word has its value, at most for the given
/// time, or, with negative seconds, without limit. Returns the index of the word that was woken, or
/// -1 with `errno`; `EINVAL` for more than 128 words.
int ipc_futex_wait_any(const ipc_futex_word *_Nonnull words, size_t count, int64_t seconds, int64_t nanoseconds);
/// `FUTEX_WAKE` between processes. Returns how many waiters it has woken, or -1 with `errno`.
int ipc_futex_wake(const void *_Nonnull word, int count);

/// Whether a signal ends the waits of this thread.
int ipc_interruption(void);
void ipc_set_interruption(int ends_waits);

/// `membarrier`: makes every running thread, of every process that has called `ipc_fence_register`,
/// execute a full fence. Returns 0, or -1 with `errno`.
int ipc_fence_all(void);
/// Lets other processes fence for the threads of this process. Returns 0, or -1 if the system
/// cannot.
int ipc_fence_register(void);

/// A hint to the processor that this loop waits for another processor.
static inline void ipc_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/// Makes the processor fetch a cache line that is about to be read.
static inline void ipc_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0); }

/// Gives this thread its number.
uint64_t ipc_number_thread(void);
/// A number of this thread, not 0, which no other thread of the process ever gets, even after this
/// one has ended. The thread of a forked child keeps its number.
static inline uint64_t ipc_thread(void) {
  // At a fixed distance from the thread pointer, like the C library's own variables; these are 8
  // bytes, for which it has room even in a library that is loaded later.
  extern _Thread_local uint64_t ipc_thread_number __attribute__((tls_model("initial-exec")));
  uint64_t number = ipc_thread_number;
  return number != 0 ? number : ipc_number_thread();
}

/// How many processors are online.
int ipc_processor_count(void);

// MARK: - Sizes

/// `fallocate` without flags: takes the pages of a range, and makes the file at least that large.
/// Returns 0 or an error number, and leaves `errno` unchanged, like `posix_fallocate`, which has a
/// fallback if the system refuses the call.
int ipc_reserve(int fd, int64_t offset, int64_t byte_count);
/// `fallocate` with `FALLOC_FL_KEEP_SIZE`: takes the pages of a range, which may lie past the end
/// of the file. The size stays.
int ipc_take_pages(int fd, int64_t offset, int64_t byte_count);
/// `fallocate` with `FALLOC_FL_PUNCH_HOLE`: gives back the whole pages of a range, and fills parts
/// of pages with zeros, also past the end of the file. The size stays.
int ipc_discard_pages(int fd, int64_t offset, int64_t byte_count);
/// `madvise` with `MADV_POPULATE_WRITE` or `MADV_POPULATE_READ`: takes the pages of a mapping, and
/// maps them, as writing or reading would, but changes no byte. Returns 0, or -1 with `errno`:
/// `EFAULT` if there are no free pages, `EINVAL` before Linux 5.14.
int ipc_populate(void *_Nonnull start, size_t byte_count, int is_writing);
/// `madvise` with `MADV_COLLAPSE`: replaces the pages of a file in memory by huge ones. Each huge page
/// has to begin at a multiple of its size, in the file and in the mapping, and at least one of its
/// small pages has to exist. Returns 0, or -1 with `errno`: `EINVAL` before Linux 6.1, if the system
/// gives no huge pages, or if the file system is full; `ENOMEM` if no huge page is free; `EBUSY` at
/// the limit of the control group; `EAGAIN` if a page was in use for a moment.
int ipc_collapse(void *_Nonnull start, size_t byte_count);
/// Reads a byte of each page.
void ipc_touch(const void *_Nonnull start, size_t byte_count, size_t page_byte_count);

// MARK: - Guarded reading

/// A scope in which this thread reads a mapping that other processes may shrink.
typedef struct ipc_guard {
  struct guarded_range *_Nullable range;
  struct ipc_guard *_Nullable outer;
  int was_blocked;
} ipc_guard;

/// Begins a scope: until its end, a page of the range that the file does not have reads as zeros in
/// this thread, and raises no SIGBUS. The scope must stay at its address, and the scopes of a
/// thread must end in the opposite order. Returns 0, or -1 with `errno`.
int ipc_guard_begin(
    ipc_guard *_Nonnull guard, const void *_Nonnull start, size_t byte_count, int fd, int is_writable);
/// Ends the scope. Returns whether any thread may have read zeros that are not in the file; the
/// zeros are removed once no scope on the range is left.
int ipc_guard_end(ipc_guard *_Nonnull guard);

// MARK: - Forked children

/// An open file of the library and the memory that is mapped from it, as a forked child finds them.
///
/// A lease belongs to an open file description. A child created by `fork` inherits descriptors and
/// mappings of that same description, and would keep the lease for as long as it runs. So every
/// file that may hold one is in a list, and in the child, before `fork` returns there, each is
/// exchanged for a description of the child's own, which holds no lease: under the same number, and
/// mapped at the same address.
///
/// If a file cannot be opened again (no descriptor is free, its mode forbids it, or there is
/// neither `/proc` nor a name to find it by), the child keeps what it has inherited, including its
/// parent's lease. It tries again whenever it needs a lock; until then it takes, drops and examines
/// none, since locks on a description that two processes share exclude neither of them.
///
/// The program may close any descriptor, and open something else under its number. So the identity
/// of the file is recorded, and the number is used only while it leads to that file.
///
/// A child of `_Fork` or of a plain `clone` runs no handlers: it holds its parent's leases for as
/// long as it runs, and may use what it has inherited only to read and write the bytes.
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
  /// Whether the description is that of the parent process.
  int is_inherited;
  /// Whether this process has taken a lock on the description.
  int holds_locks;
  /// The generation in which the file got the lease of its handle.
  uint32_t lease_generation;
  struct ipc_file *_Nullable next;
  struct ipc_file *_Nullable previous;
} ipc_file;

/// Holds off `fork` in other threads. Hold it from before a file is opened until the file is noted,
/// and while its mapping changes. A thread may hold it several times over.
void ipc_fork_lock(void);
void ipc_fork_unlock(void);

/// How many forks lie between the first process that used the library and this one. A lock that was
/// taken in another generation is not held in this process.
static inline uint32_t ipc_fork_generation(void) {
  // Not the variable itself: Swift would assume that it may change at any time.
  extern uint32_t ipc_generation;
  return ipc_generation;
}
/// The address of that number. It changes in a child, before `fork` returns there.
const uint32_t *_Nonnull ipc_fork_generation_word(void);

/// Notes a file, with the lock held. Returns NULL with `errno` if there is no memory.
ipc_file *_Nullable ipc_file_note(int fd, int is_writable);
/// Notes a name that the file can be found by.
void ipc_file_note_path(ipc_file *_Nonnull file, const char *_Nonnull path);
/// Notes what is mapped from the file, with the lock held.
void ipc_file_note_mapping(ipc_file *_Nonnull file, void *_Nullable start, size_t byte_count);

/// The descriptor; -1 if its number no longer leads to the file. For a file that was never mapped,
/// the number unchecked.
int ipc_file_number(const ipc_file *_Nonnull file);
/// The descriptor, mapped or not; -1 if its number no longer leads to the file.
int ipc_file_proven_number(const ipc_file *_Nonnull file);
/// Makes sure that the file has a descriptor of a description that no other process shares by
/// `fork`. Returns 0, or -1 if that is impossible.
int ipc_file_own(ipc_file *_Nonnull file);
/// The descriptor with which to take, drop or examine locks; -1 if no descriptor of the file can
/// be trusted.
int ipc_file_number_for_lock(ipc_file *_Nonnull file, int takes_lock);

/// Closes a file and removes it from the list; a number that leads elsewhere stays open. Takes the
/// lock itself: a `fork` between the two steps would leave the child with an unlisted descriptor,
/// and with its lease.
void ipc_file_close(ipc_file *_Nonnull file);

// MARK: - The end of the process

/// The name of temporary memory that a handle of this process gives up when it is closed.
///
/// When a program ends, nothing is called for handles in globals: so these names are in a list, and
/// those that are still in it at `exit` or at the end of `main` are given up then.
typedef struct ipc_held_name {
  /// What is given up; the list holds a reference to it.
  void *_Nullable object;
  /// The process that has noted it: a forked child inherits the list, but holds none of the leases.
  uint32_t generation;
  int process;
  int is_listed;
  struct ipc_held_name *_Nullable next;
  struct ipc_held_name *_Nullable previous;
} ipc_held_name;

/// Gives up the object of a name, and takes over the reference of the list.
typedef void (*ipc_give_up_function)(void *_Nonnull object, int is_patient);

/// Begins a section that the end of the process in another thread must not interrupt: from before
/// memory gets its name, or a handle its lease, until the name is noted; and from before a name is
/// struck off the list until it is removed. The end of the process waits for such sections, for up
/// to a second.
///
/// When the process is already ending, this waits until all names are given up, and, unless the
/// thread is leaving one, for up to a second for the process to end: a name noted later would stay
/// behind.
void ipc_names_enter(int is_leaving);
void ipc_names_leave(void);

/// Adds a name to the list, as one of this process. Returns whether it was not there before: a
/// forked child may take over one that it has inherited.
int ipc_name_note(ipc_held_name *_Nonnull name, ipc_give_up_function _Nonnull function);

typedef enum ipc_strike_result {
  /// Another thread has given it up, or is doing so.
  IPC_NOT_LISTED,
  /// The caller must give it up, and takes over the reference of the list.
  IPC_OWN,
  /// The parent of this process must give it up; the caller takes over the reference.
  IPC_OF_ANOTHER_PROCESS,
} ipc_strike_result;

/// Removes a name from the list.
ipc_strike_result ipc_name_strike(ipc_held_name *_Nonnull name);

#endif

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
#define _GNU_SOURCE
#include "CInterprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Newer than the headers of some systems: a descriptor of the sending process, for sockets that
// request it.
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

const short ipc_POLLRDHUP = POLLRDHUP;

int ipc_unix_socket_type(int socket) {
  int domain;
  int type;
  socklen_t size = sizeof domain;
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return -1;
  if (domain != AF_UNIX) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return -1;
  return type;
}

int ipc_socket_pair(int *other) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return -1;
  *other = ends[1];
  return ends[0];
}

// MARK: - Sending

int ipc_send(int socket, int fd, const void *bytes, size_t byte_count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = byte_count};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) return -1;
  if ((size_t)count == byte_count) return 0;
  // Linux sends that few bytes whole or not at all. On a system that does not, the next message
  // must not be taken for the rest of this one.
  shutdown(socket, SHUT_WR);
  errno = EMSGSIZE;
  return -1;
}

// MARK: - Closing

typedef struct {
  size_t count;
  int fds[];
} fd_list;

static void *close_list(void *argument) {
  fd_list *list = argument;
  for (size_t i = 0; i < list->count; i++) close(list->fds[i]);
  free(list);
  return NULL;
}

/// Starts a thread that closes them, and that takes no signals. Returns 0, or -1 if none can be
/// started.
static int close_in_thread(fd_list *list) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return -1;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // The new thread inherits the signal mask of this one.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, close_list, list);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
  return error == 0 ? 0 : -1;
}

void ipc_close_foreign(const int *fds, size_t count) {
  fd_list *list = count > 0 ? malloc(sizeof *list + count * sizeof *fds) : NULL;
  if (list) list->count = 0;
  for (size_t i = 0; i < count; i++) {
    if (list && ipc_seals(fds[i]) < 0) {
      list->fds[list->count++] = fds[i];
    } else {
      close(fds[i]);
    }
  }
  if (!list) return;
  if (list->count == 0) {
    free(list);
  } else if (close_in_thread(list) != 0) {
    close_list(list);
  }
}

// MARK: - Receiving

/// Room for the control messages that come with one part of a message: those that a socket can be
/// set to add (the sender's credentials, its security label, a descriptor of its process), and one
/// descriptor more than belongs to a message, so that a message with several is recognised.
typedef union {
  char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(256) + CMSG_SPACE(sizeof(int)) +
             CMSG_SPACE(2 * sizeof(int))];
  struct cmsghdr header;
} control_buffer;

/// What has arrived. Nothing more is received once there are two descriptors, so that all have
/// room.
typedef struct {
  size_t byte_count;
  size_t fd_count;
  int fds[sizeof(control_buffer) / sizeof(int) + 1];
  /// Whether bytes were dropped, and whether control messages were.
  int is_cut;
  int is_control_cut;
} arrival;

static void take_descriptors(struct msghdr *message, arrival *arrival) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type != SCM_RIGHTS && header->cmsg_type != SCM_PIDFD) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      if (header->cmsg_type == SCM_PIDFD) {
        // Negative if the process is gone. Closing it cannot block.
        if (fd >= 0) close(fd);
      } else {
        arrival->fds[arrival->fd_count++] = fd;
      }
    }
  }
}

/// Receives one part. Returns its bytes, 0 at the end, or -1 with `errno`.
static ssize_t receive_part(int socket, void *bytes, size_t byte_count, arrival *arrival) {
  control_buffer control;
  struct iovec part = {.iov_base = bytes, .iov_len = byte_count};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) return -1;
  take_descriptors(&message, arrival);
  arrival->is_cut |= (message.msg_flags & MSG_TRUNC) != 0;
  arrival->is_control_cut |= (message.msg_flags & MSG_CTRUNC) != 0;
  arrival->byte_count += count;
  return count;
}

int ipc_receive(int socket, int type, int is_closed, void *bytes, size_t byte_count) {
  if (type == SOCK_STREAM && !is_closed) {
    // A look with MSG_PEEK stops at the part that has the descriptor.
    int available;
    if (ioctl(socket, FIONREAD, &available) != 0) return -1;
    if (available < 0 || (size_t)available < byte_count) {
      errno = EAGAIN;
      return -1;
    }
  }
  // A descriptor that gets no number is lost with its message, so check for a free number first.
  int spare = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (spare < 0) return -1;
  close(spare);

  arrival arrival = {0};
  ssize_t count;
  do {
    count = receive_part(
        socket, (char *)bytes + arrival.byte_count, byte_count - arrival.byte_count, &arrival);
    if (count < 0 && arrival.byte_count == 0) return -1;
  } while (type == SOCK_STREAM && count > 0 && arrival.byte_count < byte_count &&
           arrival.fd_count <= 1 && !arrival.is_control_cut);

  int is_whole = arrival.byte_count == byte_count && !arrival.is_cut && !arrival.is_control_cut;
  if (is_whole && arrival.fd_count == 1) return arrival.fds[0];
  ipc_close_foreign(arrival.fds, arrival.fd_count);
  if (arrival.fd_count == 0 && arrival.is_control_cut) {
    // There is room for the control messages. Another thread has taken the last number.
    errno = EMFILE;
  } else {
    int is_end = arrival.byte_count == 0 && arrival.fd_count == 0 && type != SOCK_DGRAM;
    errno = is_end ? ENOMSG : EBADMSG;
  }
  return -1;
}

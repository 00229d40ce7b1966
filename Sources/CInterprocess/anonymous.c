#define _GNU_SOURCE
#include "CInterprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int ipc_open_anonymous(void) {
  return memfd_create("swift-interprocess", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int ipc_seal_size(int fd) {
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int ipc_is_sealed_against_shrinking(int fd) {
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK);
}

/// Room for the control message of two descriptors, aligned for its header: one more than belongs to a
/// message, so that a message with several is seen to have them.
typedef union {
  char bytes[CMSG_SPACE(2 * sizeof(int))];
  struct cmsghdr header;
} control_buffer;

int ipc_send(int socket, int fd, const void *bytes, size_t byte_count) {
  control_buffer control = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = byte_count};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = CMSG_SPACE(sizeof fd)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  while (part.iov_len > 0) {
    ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    part.iov_base = (char *)part.iov_base + count;
    part.iov_len -= count;
    // The descriptor has gone with the first part.
    message.msg_control = NULL;
    message.msg_controllen = 0;
  }
  return 0;
}

/// Takes the descriptors out of a control message: the first is kept, all others are closed.
/// Returns how many there were.
static int take_descriptors(struct msghdr *message, int *kept) {
  int total = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++, total++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      if (*kept < 0) {
        *kept = fd;
      } else {
        close(fd);
      }
    }
  }
  return total;
}

int ipc_receive(int socket, void *bytes, size_t byte_count) {
  int kept = -1;
  int total = 0;
  size_t received = 0;
  while (received < byte_count) {
    control_buffer control;
    struct iovec part = {.iov_base = (char *)bytes + received, .iov_len = byte_count - received};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      int error = errno;
      if (kept >= 0) close(kept);
      errno = error;
      return -1;
    }
    total += take_descriptors(&message, &kept);
    if (count == 0) break;
    received += count;
  }
  if (received == byte_count && total == 1) return kept;
  if (kept >= 0) close(kept);
  errno = received == 0 && total == 0 ? ENOMSG : EBADMSG;
  return -1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// accept_all single|batch [QUEUE [COPY [LENGTH]]]
//
// The least that a consumer of a kernel queue can do, to hold ftwall against.
//   single  what most programs do: receive one message, have the library take it apart, send one verdict
//   batch   receive what is there, up to 64 messages with one call, and answer them with one batch verdict
// Prints "ready" on stderr once the queue is bound; ends on SIGTERM with a line of counters.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MESSAGES 64
#define MESSAGE_ROOM 8192
#define QUEUE_LENGTH 8192
#define RECEIVE_BUFFER (8 << 20)

struct consumer {
  bool batch;
  uint32_t newest;
  uint64_t packets;
  uint64_t overflows;
};

static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

static int judge(struct nfq_q_handle *queue, struct nfgenmsg *header, struct nfq_data *data, void *context) {
  struct consumer *self = context;
  struct nfqnl_msg_packet_hdr *packet = nfq_get_msg_packet_hdr(data);
  (void)header;
  if (packet == NULL) return 0;
  self->newest = ntohl(packet->packet_id);
  self->packets++;
  if (self->batch) return 0;
  return nfq_set_verdict(queue, self->newest, NF_ACCEPT, 0, NULL);
}

static int fail(const char *what) {
  perror(what);
  return EXIT_FAILURE;
}

int main(int argc, char **argv) {
  if (argc < 2 || (strcmp(argv[1], "single") != 0 && strcmp(argv[1], "batch") != 0)) {
    fprintf(stderr, "usage: accept_all single|batch [QUEUE [COPY [LENGTH]]]\n");
    return 2;
  }
  struct consumer self = {.batch = strcmp(argv[1], "batch") == 0};
  const uint16_t number = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;
  const uint32_t copy = argc > 3 ? (uint32_t)atoi(argv[3]) : 256;
  const uint32_t length = argc > 4 ? (uint32_t)atoi(argv[4]) : QUEUE_LENGTH;
  if (copy > MESSAGE_ROOM - 512) {
    fprintf(stderr, "COPY is at most %d\n", MESSAGE_ROOM - 512);
    return 2;
  }

  struct nfq_handle *library = nfq_open();
  if (library == NULL) return fail("nfq_open");
  struct nfq_q_handle *queue = nfq_create_queue(library, number, judge, &self);
  if (queue == NULL) return fail("nfq_create_queue");
  nfq_set_queue_maxlen(queue, length);
  nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO);
  if (nfq_set_mode(queue, NFQNL_COPY_PACKET, copy) < 0) return fail("nfq_set_mode");

  const int fd = nfq_fd(library);
  // A longer queue is one that is filled while this program is stopped: the socket holds what waits.
  const int bytes = length > QUEUE_LENGTH ? (int)length * 4096 : RECEIVE_BUFFER;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof yes);

  static char room[MESSAGES][MESSAGE_ROOM] __attribute__((aligned(64)));
  static struct iovec vectors[MESSAGES];
  static struct mmsghdr messages[MESSAGES];
  for (int i = 0; i < MESSAGES; i++) {
    vectors[i].iov_base = room[i];
    vectors[i].iov_len = MESSAGE_ROOM;
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }

  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  fprintf(stderr, "ready\n");

  while (!stopping) {
    int count;
    if (self.batch) {
      count = recvmmsg(fd, messages, MESSAGES, MSG_WAITFORONE, NULL);
    } else {
      const ssize_t bytes_read = recv(fd, room[0], MESSAGE_ROOM, 0);
      count = bytes_read < 0 ? -1 : 1;
      messages[0].msg_len = bytes_read < 0 ? 0 : (unsigned int)bytes_read;
    }
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != ENOBUFS) return fail("receive");
      self.overflows++;
      continue;
    }
    for (int i = 0; i < count; i++) nfq_handle_packet(library, room[i], (int)messages[i].msg_len);
    if (self.batch && count > 0) nfq_set_verdict_batch(queue, self.newest, NF_ACCEPT);
  }
  fprintf(stderr, "packets %" PRIu64 " overflows %" PRIu64 "\n", self.packets, self.overflows);
  nfq_destroy_queue(queue);
  nfq_close(library);
  return EXIT_SUCCESS;
}

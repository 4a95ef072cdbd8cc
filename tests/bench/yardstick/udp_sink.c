// SPDX-License-Identifier: GPL-2.0-or-later
//
// udp_sink [QUIET_MS [PORT [COUNTER]]]
//
// Counts datagrams on 50 ports from PORT (9000) on, IPv4 and IPv6. Ends QUIET_MS (1500) after the last one, or after 20 s
// without any, with one line of JSON: how many came, and the rate between the first and the last.
// COUNTER is a file that holds the count for a sender to keep to, see window.h.
// Prints "ready" on stderr once all ports are bound.
#define _GNU_SOURCE
#include "window.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define PORTS 50
#define BURST 64
#define ROOM 2048
#define FIRST_WAIT_MS 20000

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int listener(int port) {
  const int bytes = 8 << 20;
  const int no = 0;
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT, .sin6_port = htons((uint16_t)port)};
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) == 0) return fd;
  }
  perror("udp_sink");
  exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
  const int quiet = argc > 1 ? atoi(argv[1]) : 1500;
  const int port = argc > 2 ? atoi(argv[2]) : 9000;
  struct pollfd polled[PORTS];
  for (int i = 0; i < PORTS; i++) polled[i] = (struct pollfd){.fd = listener(port + i), .events = POLLIN};
  volatile long *counter = argc > 3 ? window_counter(argv[3]) : NULL;
  fprintf(stderr, "ready\n");

  static char room[BURST][ROOM];
  static struct iovec vectors[BURST];
  static struct mmsghdr burst[BURST];
  for (int i = 0; i < BURST; i++) {
    vectors[i] = (struct iovec){room[i], ROOM};
    burst[i].msg_hdr.msg_iov = &vectors[i];
    burst[i].msg_hdr.msg_iovlen = 1;
  }

  long received = 0;
  double first = 0;
  double last = 0;
  while (poll(polled, PORTS, received > 0 ? quiet : FIRST_WAIT_MS) > 0) {
    for (int i = 0; i < PORTS; i++) {
      if (polled[i].revents == 0) continue;
      const int count = recvmmsg(polled[i].fd, burst, BURST, MSG_DONTWAIT, NULL);
      if (count <= 0) continue;
      last = seconds();
      if (received == 0) first = last;
      received += count;
      if (counter != NULL) *counter = received;
    }
  }
  const double took = last - first;
  printf("{\"received\":%ld,\"seconds\":%.4f,\"pps\":%.0f}\n", received, took, took > 0 ? (double)received / took : 0);
  return EXIT_SUCCESS;
}

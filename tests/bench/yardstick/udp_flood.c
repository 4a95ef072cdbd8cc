// SPDX-License-Identifier: GPL-2.0-or-later
//
// udp_flood ADDRESS PACKETS SIZE FLOWS [RATE [PORT [COUNTER WINDOW]]]
//
// Sends PACKETS datagrams of SIZE bytes to ADDRESS (IPv4 or IPv6), spread evenly over FLOWS flows: source ports of up to
// 512 sockets times 50 destination ports from PORT (9000) on. RATE is in packets a second; 0 is as fast as it goes.
// COUNTER is the file that udp_sink counts in: then never more than WINDOW packets are under way, so that none is lost and
// the rate is the one at which the path between takes them.
// Prints one line of JSON.
#define _GNU_SOURCE
#include "window.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define PORTS 50
#define MOST_SOCKETS 512
#define BURST 32
#define MOST_BYTES 1400

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int usage(void) {
  fprintf(stderr, "usage: udp_flood ADDRESS PACKETS SIZE FLOWS [RATE [PORT [COUNTER WINDOW]]]\n"
                  "SIZE is 0 to %d, FLOWS 1 to %d\n", MOST_BYTES, MOST_SOCKETS * PORTS);
  return 2;
}

int main(int argc, char **argv) {
  if (argc < 5) return usage();
  const long packets = atol(argv[2]);
  const long size = atol(argv[3]);
  const long flows = atol(argv[4]);
  const double rate = argc > 5 ? atof(argv[5]) : 0;
  const int port = argc > 6 ? atoi(argv[6]) : 9000;
  struct window window = window_open(argc > 8 ? argv[7] : NULL, argc > 8 ? atol(argv[8]) : 0);
  if (packets < 1 || size < 0 || size > MOST_BYTES || flows < 1 || flows > MOST_SOCKETS * PORTS) return usage();

  // One destination a flow; sockets are shared by flows of different destination ports.
  static struct sockaddr_storage to[PORTS];
  static int sockets[MOST_SOCKETS];
  socklen_t length = 0;
  int family = AF_INET;
  for (int i = 0; i < PORTS; i++) {
    char service[16];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    snprintf(service, sizeof service, "%d", port + i);
    if (getaddrinfo(argv[1], service, &hints, &found) != 0) return usage();
    memcpy(&to[i], found->ai_addr, found->ai_addrlen);
    length = found->ai_addrlen;
    family = found->ai_family;
    freeaddrinfo(found);
  }
  const long used = (flows + PORTS - 1) / PORTS;
  for (long i = 0; i < used; i++) {
    sockets[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sockets[i] < 0) {
      perror("socket");
      return EXIT_FAILURE;
    }
  }

  static char bytes[MOST_BYTES];
  struct iovec vector = {bytes, (size_t)size};
  struct mmsghdr burst[BURST];
  memset(burst, 0, sizeof burst);
  for (int i = 0; i < BURST; i++) {
    burst[i].msg_hdr.msg_iov = &vector;
    burst[i].msg_hdr.msg_iovlen = 1;
    burst[i].msg_hdr.msg_namelen = length;
  }

  long sent = 0;
  long flow = 0;
  long failures = 0;
  const double start = seconds();
  while (sent < packets) {
    // A burst leaves through one socket, so it takes consecutive flows that share it.
    const long through = flow / PORTS;
    int count = 0;
    while (count < BURST && sent + count < packets && flow / PORTS == through && flow < flows) {
      burst[count++].msg_hdr.msg_name = &to[flow++ % PORTS];
    }
    if (flow >= flows) flow = 0;
    if (!window_wait(&window, sent + count)) break;
    for (int done = 0; done < count;) {
      const int n = sendmmsg(sockets[through], burst + done, (unsigned int)(count - done), 0);
      if (n > 0) {
        done += n;
      } else if (errno == ECONNREFUSED || errno == EINTR || errno == EPERM) {
        failures++; // an answer to an earlier datagram, or a rule's refusal: the datagram at hand is tried again
        if (failures > packets) return EXIT_FAILURE;
      } else {
        perror("sendmmsg");
        return EXIT_FAILURE;
      }
    }
    sent += count;
    while (rate > 0 && (double)sent / rate > seconds() - start) nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
  }
  const double took = seconds() - start;
  printf("{\"sent\":%ld,\"seconds\":%.4f,\"pps\":%.0f,\"failures\":%ld}\n", sent, took, (double)sent / took, failures);
  return EXIT_SUCCESS;
}

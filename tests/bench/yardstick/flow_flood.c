// SPDX-License-Identifier: GPL-2.0-or-later
//
// flow_flood INTERFACE ROUTER_MAC ADDRESS PACKETS FLOWS PAYLOADS [RATE [COUNTER WINDOW]]
//
// Sends PACKETS datagrams, each of the next of FLOWS flows in turn, as from many machines of 10.92.0.0/14: source addresses
// and ports count up, and so do destinations from ADDRESS (IPv4) on, over 65,521 of them, ports 9000 to 9049. Payloads are
// those in the file PAYLOADS (for each a length of two bytes, little-endian, then the bytes): a flow keeps to one. RATE,
// COUNTER and WINDOW as of udp_flood.
// Prints one line of JSON.
#define _GNU_SOURCE
#include "window.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BURST 32
#define PORTS 50
#define MOST_BYTES 1400
#define MOST_PAYLOADS 65536
#define HEADERS (sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct udphdr))

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static uint16_t checksum(const void *header) {
  const uint16_t *words = header;
  uint32_t sum = 0;
  for (int i = 0; i < 10; i++) sum += words[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

int main(int argc, char **argv) {
  if (argc < 7) {
    fprintf(stderr, "usage: flow_flood INTERFACE ROUTER_MAC ADDRESS PACKETS FLOWS PAYLOADS [RATE [COUNTER WINDOW]]\n");
    return 2;
  }
  const unsigned int interface = if_nametoindex(argv[1]);
  unsigned int mac[6];
  struct in_addr to;
  const long packets = atol(argv[4]);
  const long flows = atol(argv[5]);
  const double rate = argc > 7 ? atof(argv[7]) : 0;
  const struct window window = window_open(argc > 9 ? argv[8] : NULL, argc > 9 ? atol(argv[9]) : 0);
  if (interface == 0 || inet_pton(AF_INET, argv[3], &to) != 1 || packets < 1 || flows < 1 ||
      sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 6) {
    fprintf(stderr, "flow_flood: an argument is wrong\n");
    return 2;
  }

  static uint8_t *payloads[MOST_PAYLOADS];
  static uint16_t lengths[MOST_PAYLOADS];
  long known = 0;
  FILE *file = fopen(argv[6], "rb");
  if (file == NULL) {
    perror(argv[6]);
    return EXIT_FAILURE;
  }
  uint8_t size[2];
  while (known < MOST_PAYLOADS && fread(size, 1, 2, file) == 2) {
    const size_t length = (size_t)size[0] | (size_t)size[1] << 8;
    uint8_t *bytes = malloc(length + 1);
    if (bytes == NULL || fread(bytes, 1, length, file) != length) break;
    if (length > MOST_BYTES) continue;
    payloads[known] = bytes;
    lengths[known++] = (uint16_t)length;
  }
  fclose(file);
  if (known == 0) {
    fprintf(stderr, "flow_flood: no payloads in %s\n", argv[6]);
    return EXIT_FAILURE;
  }

  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_ifindex = (int)interface};
  if (fd < 0 || bind(fd, (struct sockaddr *)&link, sizeof link) != 0) {
    perror("packet socket");
    return EXIT_FAILURE;
  }

  static uint8_t frames[BURST][HEADERS];
  static struct iovec vectors[BURST][2];
  static struct mmsghdr burst[BURST];
  for (int i = 0; i < BURST; i++) {
    struct ether_header *ether = (struct ether_header *)frames[i];
    for (int j = 0; j < 6; j++) ether->ether_dhost[j] = (uint8_t)mac[j];
    memcpy(ether->ether_shost, "\x02\x92\x00\x00\x00\x01", 6);
    ether->ether_type = htons(ETHERTYPE_IP);
    vectors[i][0] = (struct iovec){frames[i], HEADERS};
    burst[i].msg_hdr.msg_iov = vectors[i];
    burst[i].msg_hdr.msg_iovlen = 2;
  }

  long sent = 0;
  long failures = 0;
  const double start = seconds();
  while (sent < packets) {
    int count = 0;
    while (count < BURST && sent + count < packets) {
      const long at = (sent + count) % flows;
      const long chosen = at % known;
      uint8_t *frame = frames[count];
      struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
      struct udphdr udp;
      ip.tot_len = htons((uint16_t)(sizeof ip + sizeof udp + lengths[chosen]));
      ip.saddr = htonl(0x0a5c0000u + (uint32_t)(at / 4 % 0x3ffff));
      ip.daddr = htonl(ntohl(to.s_addr) + (uint32_t)(at % 65521));
      ip.check = checksum(&ip);
      udp.source = htons((uint16_t)(1024 + at % 4 * 16000 + at / 4 / 0x3ffff));
      udp.dest = htons((uint16_t)(9000 + at % PORTS));
      udp.len = htons((uint16_t)(sizeof udp + lengths[chosen]));
      udp.check = 0;
      memcpy(frame + sizeof(struct ether_header), &ip, sizeof ip);
      memcpy(frame + sizeof(struct ether_header) + sizeof ip, &udp, sizeof udp);
      vectors[count][1] = (struct iovec){payloads[chosen], lengths[chosen]};
      count++;
    }
    if (!window_wait(&window, sent + count)) break;
    for (int done = 0; done < count;) {
      const int n = sendmmsg(fd, burst + done, (unsigned int)(count - done), 0);
      if (n > 0) {
        done += n;
      } else if (errno != EINTR && errno != ENOBUFS) {
        perror("sendmmsg");
        return EXIT_FAILURE;
      } else if (++failures > packets) {
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

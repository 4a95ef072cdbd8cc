/*
 * What a hostile machine sends, and what its neighbour feels of it.
 *
 *     flood send KIND FROM TO RATE SECONDS [SOURCES]   raw packets, RATE a second: in the name of SOURCES addresses from FROM on
 *     flood ask TO PORT EVERY COUNT                    COUNT datagrams, one each EVERY µs, each of a flow of its own: times
 *     flood echo PORT                                  answers every datagram
 *     flood line PATH                                  answers every line at a Unix socket: what an idle program needs for it
 *     flood number FROM TO PORT RATE SECONDS EACH      numbered datagrams, each EACH of a flow of their own, until SIGTERM at the latest
 *     flood tally PORT                                 counts them; SIGUSR1 makes it tell the highest number, SIGTERM all
 *
 * KIND: ping (FastTrack), announce (UDP tracker), dht, syn, dns (answers nobody asked for), fragment, flow (random bytes),
 * begun (TCP whose beginning nobody saw, random bytes).
 * `send`, `ask`, `number` and `tally` print one line of JSON; `kernel_us` is the kernel's time for each packet, the way through the router with it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint32_t state = 0x9e3779b9;

static uint32_t chance(void) {
  state ^= state << 13, state ^= state >> 17, state ^= state << 5;
  return state;
}

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static uint16_t checksum(const void *bytes, size_t length, uint32_t sum) {
  const uint8_t *at = bytes;
  for (; length > 1; at += 2, length -= 2) sum += (uint32_t)(at[0] << 8 | at[1]);
  if (length) sum += (uint32_t)(at[0] << 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons((uint16_t)~sum);
}

static size_t payload(const char *kind, uint8_t *to) {
  static const uint8_t ping[] = {0x27, 0, 0, 0, 0x29, 0x80, 'K', 'a', 'Z', 'a', 'A', 0};
  static const char dht[] = "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe";
  static const uint8_t tracker[] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0};
  static const uint8_t answer[] = {0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 3, 'w', 'w', 'w', 5, 'w', 'i', 'n', 'm', 'x', 3, 'c',
                                   'o',  'm',  0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 8, 8, 8, 8};
  uint32_t random = chance();
  if (!strcmp(kind, "ping")) return memcpy(to, ping, sizeof ping), sizeof ping;
  if (!strcmp(kind, "dht")) return memcpy(to, dht, sizeof dht - 1), sizeof dht - 1;
  if (!strcmp(kind, "announce")) return memcpy(to, tracker, sizeof tracker), memcpy(to + 12, &random, 4), 16;
  if (!strcmp(kind, "dns")) return memcpy(to, &random, 2), memcpy(to + 2, answer, sizeof answer), 2 + sizeof answer;
  const int size = !strcmp(kind, "begun") ? 600 : 64;
  for (int i = 0; i < size; i += 4) random = chance(), memcpy(to + i, &random, 4);
  return (size_t)size;
}

/* Packets that are built before the first is sent, so that sending costs a system call for 64 of them. */
#define RING 131072
#define BATCH 64

static size_t build(uint8_t *packet, const char *kind, uint32_t from, uint32_t to) {
  const int begun = !strcmp(kind, "begun"), syn = !strcmp(kind, "syn"), dns = !strcmp(kind, "dns"), fragment = !strcmp(kind, "fragment");
  struct iphdr *ip = (struct iphdr *)packet;
  uint8_t *rest = packet + sizeof *ip;
  size_t size;
  const uint16_t random = (uint16_t)chance();
  ip->version = 4, ip->ihl = 5, ip->ttl = 64, ip->id = random;
  ip->saddr = from, ip->daddr = to;
  if (syn || begun) {
    struct tcphdr *tcp = (struct tcphdr *)rest;
    tcp->source = htons(1024 + random % 60000), tcp->dest = htons(1 + (uint16_t)chance() % 60000);
    tcp->seq = chance(), tcp->doff = 5, tcp->window = htons(1000);
    if (syn) tcp->syn = 1;
    else tcp->ack = 1, tcp->psh = 1;
    size = sizeof *tcp + (syn ? 0 : payload(kind, rest + sizeof *tcp)), ip->protocol = IPPROTO_TCP;
    uint32_t sum = IPPROTO_TCP + (uint32_t)size;
    for (int i = 0; i < 8; i += 2) sum += (uint32_t)(packet[12 + i] << 8 | packet[13 + i]);
    tcp->check = checksum(tcp, size, sum);
  } else {
    struct udphdr *udp = (struct udphdr *)rest;
    size = sizeof *udp + payload(kind, rest + sizeof *udp), ip->protocol = IPPROTO_UDP;
    udp->source = htons(dns ? 53 : 1024 + random % 60000);
    udp->dest = htons(!strcmp(kind, "ping") ? 1214 : dns ? 1024 + (uint16_t)chance() % 60000 : 6881);
    udp->len = htons((uint16_t)(fragment ? size + 64 : size));
    if (fragment) ip->frag_off = htons(chance() & 1 ? IP_MF : 8 + (uint16_t)chance() % 8);
  }
  ip->tot_len = htons((uint16_t)(sizeof *ip + size));
  return sizeof *ip + size;
}

static int send_flood(int argc, char **argv) {
  if (argc < 7) return 2;
  const char *kind = argv[2];
  const uint32_t first = ntohl(inet_addr(argv[3]));
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(argv[4])};
  const double rate = atof(argv[5]), length = atof(argv[6]);
  const uint32_t sources = argc > 7 ? (uint32_t)atol(argv[7]) : 1;
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (raw < 0) return perror("socket"), 1;
  const size_t room = strcmp(kind, "begun") ? 128 : 640;
  uint8_t *packets = calloc(RING, room);
  struct iovec *parts = calloc(RING, sizeof *parts);
  struct mmsghdr *messages = calloc(RING + BATCH, sizeof *messages);
  for (int i = 0; i < RING + BATCH; i++) {
    struct iovec *part = &parts[i % RING];
    if (i < RING) {
      part->iov_base = packets + (size_t)i * room;
      part->iov_len = build(part->iov_base, kind, htonl(first + chance() % sources), to.sin_addr.s_addr);
    }
    messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = part, .msg_iovlen = 1};
  }
  const double began = seconds();
  long sent = 0, forgone = 0;
  while (seconds() - began < length) {
    // Where the path takes less, what is due is forgone.
    const long due = (long)((seconds() - began) * rate);
    if (due - sent > 4000) forgone += due - sent - 4000, sent = due - 4000;
    while (sent < due) {
      const int done = sendmmsg(raw, messages + sent % RING, due - sent < BATCH ? (unsigned)(due - sent) : BATCH, 0);
      if (done > 0) sent += done;
      else if (errno == ENOBUFS) sent++;
      else return perror("sendmmsg"), 1;
    }
    usleep(100);
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  const double cpu = (double)used.ru_stime.tv_sec * 1e6 + (double)used.ru_stime.tv_usec;
  sent -= forgone;
  printf("{\"sent\":%ld,\"rate\":%.0f,\"kernel_us\":%.1f}\n", sent, (double)sent / (seconds() - began), cpu / (double)(sent + 1));
  return 0;
}

static int order(const void *a, const void *b) {
  return *(const double *)a < *(const double *)b ? -1 : 1;
}

static int ask(int argc, char **argv) {
  if (argc < 6) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(argv[2]), .sin_port = htons((uint16_t)atoi(argv[3]))};
  const int every = atoi(argv[4]), count = atoi(argv[5]);
  double *times = calloc((size_t)count + 1, sizeof *times);
  int answered = 0;
  for (int i = 0; i < count; i++) {
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    const double began = seconds();
    char text[] = "a question of a neighbour";
    if (connect(udp, (struct sockaddr *)&to, sizeof to) == 0 && send(udp, text, sizeof text, 0) > 0) {
      struct pollfd wait = {.fd = udp, .events = POLLIN};
      if (poll(&wait, 1, 300) > 0 && recv(udp, text, sizeof text, 0) > 0) times[answered++] = seconds() - began;
    }
    close(udp);
    usleep((useconds_t)every);
  }
  qsort(times, (size_t)answered, sizeof *times, order);
  printf("{\"asked\":%d,\"answered\":%d,\"median_us\":%.0f,\"p90_us\":%.0f}\n", count, answered, times[answered / 2] * 1e6,
         times[answered * 9 / 10] * 1e6);
  return 0;
}

static int echo(int argc, char **argv) {
  if (argc < 3) return 2;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(udp, (struct sockaddr *)&at, sizeof at) != 0) return perror("bind"), 1;
  puts("ready");
  fflush(stdout);
  char bytes[2048];
  for (;;) {
    socklen_t length = sizeof at;
    ssize_t size = recvfrom(udp, bytes, sizeof bytes, 0, (struct sockaddr *)&at, &length);
    if (size >= 0) sendto(udp, bytes, (size_t)size, 0, (struct sockaddr *)&at, length);
  }
}

/** Answers a line at a Unix socket with a line, one connection after the other. */
static int line(int argc, char **argv) {
  if (argc < 3) return 2;
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof at.sun_path, "%s", argv[2]);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 16) != 0) return perror("bind"), 1;
  puts("ready");
  fflush(stdout);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    char bytes[2048];
    if (read(connection, bytes, sizeof bytes) > 0) dprintf(connection, "{}\n");
    close(connection);
  }
}

static volatile sig_atomic_t ended, asked;

static void ask_now(int number) {
  (void)number;
  asked = 1;
}

static void end(int number) {
  (void)number;
  ended = 1;
}

/* Most that are sent at once when the sender comes late: the kernel's own backlog of a device holds 1000. */
#define AT_ONCE 50

static int number(int argc, char **argv) {
  if (argc < 8) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(argv[3])};
  const double rate = atof(argv[5]), length = atof(argv[6]);
  const uint32_t each = (uint32_t)atol(argv[7]);
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (raw < 0) return perror("socket"), 1;
  uint8_t packet[64] = {0};
  struct iphdr *ip = (struct iphdr *)packet;
  struct udphdr *udp = (struct udphdr *)(packet + sizeof *ip);
  uint32_t *order = (uint32_t *)(packet + sizeof *ip + sizeof *udp);
  ip->version = 4, ip->ihl = 5, ip->ttl = 64, ip->protocol = IPPROTO_UDP, ip->tot_len = htons(sizeof packet);
  ip->saddr = inet_addr(argv[2]), ip->daddr = to.sin_addr.s_addr;
  udp->dest = htons((uint16_t)atoi(argv[4])), udp->len = htons(sizeof packet - sizeof *ip);
  const double began = seconds();
  uint32_t sent = 0, failed = 0;
  double forgone = 0;
  signal(SIGTERM, end);
  while (!ended && seconds() - began < length) {
    const double due = (seconds() - began) * rate - forgone;
    if (due - sent > AT_ONCE) forgone += due - sent - AT_ONCE;
    for (int i = 0; i < AT_ONCE && sent < due; i++, sent++) {
      udp->source = htons((uint16_t)(1024 + sent / each % 64000));
      *order = htonl(sent);
      if (sendto(raw, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to) < 0) failed++;
    }
    usleep(200);
  }
  printf("{\"sent\":%u,\"failed\":%u,\"rate\":%.0f}\n", sent, failed, sent / (seconds() - began));
  return 0;
}

static int tally(int argc, char **argv) {
  if (argc < 3) return 2;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  const int room = 256 << 20;
  setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (bind(udp, (struct sockaddr *)&at, sizeof at) != 0) return perror("bind"), 1;
  const uint32_t most = 1 << 26;
  uint8_t *seen = calloc(most, 1);
  uint32_t received = 0, twice = 0, next = 0, gaps = 0, longest = 0;
  double last = 0, pause = 0;
  uint32_t highest = 0;
  signal(SIGTERM, end), signal(SIGUSR1, ask_now);
  puts("ready");
  fflush(stdout);
  for (;;) {
    uint32_t bytes[16];
    struct pollfd wait = {.fd = udp, .events = POLLIN};
    if (asked) printf("{\"highest\":%u}\n", highest), fflush(stdout), asked = 0;
    const int last_look = ended;
    const int ready = poll(&wait, 1, ended ? 500 : 100);
    // The signal to end cuts a wait short, in which packets are still under way.
    if (ready == 0 && last_look) break;
    if (ready <= 0) continue;
    if (recv(udp, bytes, sizeof bytes, MSG_DONTWAIT) < 4) continue;
    const double now = seconds();
    if (last > 0 && now - last > pause) pause = now - last;
    last = now;
    const uint32_t order = ntohl(bytes[0]);
    if (order >= most) continue;
    if (order > highest) highest = order;
    if (seen[order]) twice++;
    else received++;
    seen[order] = 1;
  }
  // The first of the packets that are missing, and how many runs of them there are.
  uint32_t end = most;
  while (end > 0 && !seen[end - 1]) end--;
  printf("{\"lost\":[");
  for (uint32_t run = 0; next < end; next++) {
    if (seen[next]) run = 0;
    else if (run++ == 0) gaps++;
    if (run > longest) longest = run;
    if (run > 0 && gaps < 1000 && next + 1 < end && seen[next + 1]) printf("%s[%u,%u]", gaps > 1 ? "," : "", next + 1 - run, run);
  }
  printf("],");
  printf("\"received\":%u,\"twice\":%u,\"gaps\":%u,\"longest_gap\":%u,\"longest_pause_ms\":%.0f}\n", received, twice, gaps, longest,
         pause * 1000);
  return 0;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  int code = !strcmp(mode, "send")     ? send_flood(argc, argv)
             : !strcmp(mode, "ask")    ? ask(argc, argv)
             : !strcmp(mode, "echo")   ? echo(argc, argv)
             : !strcmp(mode, "line")   ? line(argc, argv)
             : !strcmp(mode, "number") ? number(argc, argv)
             : !strcmp(mode, "tally")  ? tally(argc, argv)
                                       : 2;
  if (code == 2) fprintf(stderr, "usage: flood send|ask|echo|line|number|tally …, see the head of flood.c\n");
  return code;
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// udp_ping echo [PORT]
// udp_ping ADDRESS COUNT RATE [PORT]
//
// Round trips of small datagrams, RATE a second whether the last one is back or not, each from one of 16 flows; the other
// side runs "echo". Prints one line of JSON: median, quantiles and a histogram in microseconds (bounds of the buckets grow by
// a tenth). What takes longer than a second counts as lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS 16
#define MOST 200000
#define BYTES 56

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static int echo(int port) {
  char bytes[2048];
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0) {
    perror("bind");
    return EXIT_FAILURE;
  }
  fprintf(stderr, "ready\n");
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    const ssize_t size = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
    if (size >= 0) sendto(fd, bytes, (size_t)size, 0, (struct sockaddr *)&from, length);
  }
}

int main(int argc, char **argv) {
  prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  if (argc >= 2 && strcmp(argv[1], "echo") == 0) return echo(argc > 2 ? atoi(argv[2]) : 9100);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 4 ? atoi(argv[4]) : 9100))};
  if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || atol(argv[2]) < 1 || atol(argv[2]) > MOST) {
    fprintf(stderr, "usage: udp_ping echo [PORT] | udp_ping ADDRESS COUNT RATE [PORT]\n");
    return 2;
  }
  const long count = atol(argv[2]);
  const double rate = atof(argv[3]);
  int sockets[FLOWS];
  for (int i = 0; i < FLOWS; i++) {
    sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sockets[i] < 0 || connect(sockets[i], (struct sockaddr *)&to, sizeof to) != 0) {
      perror("connect");
      return EXIT_FAILURE;
    }
  }
  static double times[MOST];
  long answered = 0;
  struct pollfd polled[FLOWS];
  for (int i = 0; i < FLOWS; i++) polled[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
  const double start = seconds();
  double now = start;
  for (long sent = 0; answered < count;) {
    const double due = sent < count ? start + (double)sent / rate : start + (double)count / rate + 1;
    if (now >= due) {
      if (sent == count) break;
      char bytes[BYTES] = {0};
      memcpy(bytes, &now, sizeof now);
      send(sockets[sent++ % FLOWS], bytes, sizeof bytes, 0);
    }
    // The last 60 µs are spent looking, as a sleep ends late.
    const double left = due - now - 60e-6;
    const struct timespec wait = {.tv_sec = (time_t)left, .tv_nsec = left > 0 ? (long)((left - (double)(time_t)left) * 1e9) : 0};
    int ready = ppoll(polled, FLOWS, left > 0 ? &wait : &(struct timespec){0}, NULL);
    now = seconds();
    for (int i = 0; ready > 0 && i < FLOWS; i++) {
      if ((polled[i].revents & POLLIN) == 0) continue;
      ready--;
      double before;
      char bytes[BYTES];
      while (recv(polled[i].fd, bytes, sizeof bytes, MSG_DONTWAIT) == BYTES) {
        memcpy(&before, bytes, sizeof before);
        if (answered < count) times[answered++] = (now - before) * 1e6;
      }
    }
  }
  if (answered == 0) {
    printf("{\"sent\":%ld,\"answered\":0}\n", count);
    return EXIT_SUCCESS;
  }
  qsort(times, (size_t)answered, sizeof *times, compare);
  double sum = 0;
  for (long i = 0; i < answered; i++) sum += times[i];
  printf("{\"sent\":%ld,\"answered\":%ld,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
         "\"histogram\":[", count, answered, sum / (double)answered, times[answered / 2], times[answered * 9 / 10],
         times[answered * 99 / 100], times[answered * 999 / 1000], times[answered - 1]);
  long at = 0;
  int printed = 0;
  for (double bound = 10; at < answered; bound *= 1.1) {
    const long from = at;
    while (at < answered && times[at] < bound) at++;
    if (at > from || printed > 0) printf("%s[%.1f,%ld]", printed++ > 0 ? "," : "", bound, at - from);
  }
  printf("]}\n");
  return EXIT_SUCCESS;
}

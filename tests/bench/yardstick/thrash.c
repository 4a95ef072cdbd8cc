// SPDX-License-Identifier: GPL-2.0-or-later
//
// thrash
//
// A neighbour that leaves nothing of others in the caches that it shares with them: each 2 ms it writes to every line of the
// next 4 MiB of 256, until it is ended. Prints "ready" on stderr.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE 64
#define ALL ((size_t)256 << 20)
#define TURN ((size_t)4 << 20)

int main(void) {
  volatile char *bytes = malloc(ALL);
  const struct timespec rest = {.tv_nsec = 2000000};
  if (bytes == NULL) return 1;
  fputs("ready\n", stderr);
  for (size_t at = 0;; at = (at + TURN) % ALL) {
    for (size_t i = 0; i < TURN; i += LINE) bytes[at + i]++;
    nanosleep(&rest, NULL);
  }
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// A window between sender and sink: the sink counts in a shared file, the sender never has more than so many packets under
// way. Without it a sender that is faster than the queue only measures how packets are lost.
#pragma once
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct window {
  volatile long *counter;
  long size;
  double waited;
};

static inline volatile long *window_counter(const char *path) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(long)) != 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  void *at = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  return at;
}

static inline struct window window_open(const char *path, long size) {
  struct window window = {.size = size};
  if (path != NULL) window.counter = window_counter(path);
  return window;
}

// Waits until `sent` packets may be under way; false where nothing arrived for a second: packets were lost.
static inline bool window_wait(const struct window *window, long sent) {
  if (window->counter == NULL) return true;
  long seen = *window->counter;
  for (int turns = 0; sent - *window->counter > window->size; turns++) {
    if (*window->counter != seen) {
      seen = *window->counter;
      turns = 0;
    }
    if (turns > 20000) return false;
    nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
  }
  return true;
}

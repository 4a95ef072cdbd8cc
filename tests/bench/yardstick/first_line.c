// SPDX-License-Identifier: GPL-2.0-or-later
//
// first_line WORD COMMAND...
//
// Starts a command, waits until a line of what it prints has WORD in it, and prints how long that took: milliseconds from the
// fork to the read that brought the word. Then it ends the command. It waits in read, so it takes no time from the start.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double milliseconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

int main(int count, char **words) {
  static char text[1 << 16];
  size_t length = 0;
  int ends[2];
  if (count < 3 || pipe(ends) != 0) return 2;
  const double began = milliseconds();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    execvp(words[2], words + 2);
    _exit(127);
  }
  close(ends[1]);
  double took = -1;
  ssize_t got;
  while (took < 0 && length < sizeof text - 1 && (got = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
    length += (size_t)got;
    text[length] = 0;
    if (strstr(text, words[1]) != NULL) took = milliseconds() - began;
  }
  kill(child, SIGTERM);
  while (read(ends[0], text, sizeof text) > 0) continue;
  waitpid(child, NULL, 0);
  if (took < 0) return 1;
  printf("%.2f\n", took);
  return 0;
}

/* Open-loop load: requests leave at fixed times, whatever becomes of those before them, and their latency counts from the time when they
 * were due (no coordinated omission). One keep-alive connection carries one request at a time; a request that finds none free waits for
 * one, and its clock runs.
 *
 *   open_loop PORT RATE SECONDS CONNECTIONS PATHS_FILE TOKEN BODY   (BODY: one %06u becomes another number each time)
 *
 * prints the latency of every request in microseconds, one a line, in order of their completion; its last line is `errors N unsent N`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER = 16384, REQUEST = 4096, GRACE_S = 5 };

struct connection {
  int fd;
  int64_t due_ns;
  size_t filled;
  char answer[ANSWER];
};

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static char **read_lines(const char *name, size_t *count) {
  FILE *file = fopen(name, "r");
  char **lines = NULL, *line = NULL;
  size_t size = 0, room = 0;
  ssize_t length;
  if (!file) die(name);
  for (*count = 0; (length = getline(&line, &size, file)) > 0; (*count)++) {
    if (*count == room) lines = realloc(lines, (room = room ? 2 * room : 1024) * sizeof *lines);
    line[strcspn(line, "\n")] = 0;
    lines[*count] = strdup(line);
  }
  fclose(file);
  return lines;
}

static int connect_to(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* 1: the answer is whole and a success, 0: more is to come, -1: it is none. */
static int whole(struct connection *connection) {
  char *answer = connection->answer, *end, *length;
  answer[connection->filled] = 0;
  end = strstr(answer, "\r\n\r\n");
  if (!end) return connection->filled >= ANSWER - 1 ? -1 : 0;
  length = strcasestr(answer, "content-length:");
  if (!length || length > end) return -1;
  if (connection->filled < (size_t)(end + 4 - answer) + strtoul(length + 15, NULL, 10)) return 0;
  return strncmp(answer, "HTTP/1.1 200", 12) ? -1 : 1;
}

int main(int count, char **given) {
  if (count != 8) return fprintf(stderr, "usage: see the head of open_loop.c\n"), 2;
  int port = atoi(given[1]), connections = atoi(given[4]), errors = 0;
  double rate = atof(given[2]), seconds = atof(given[3]);
  size_t paths, free_count = 0, planned = rate * seconds, next = 0, done = 0;
  char **path = read_lines(given[5], &paths), body[512], request[REQUEST];
  struct connection *all = calloc(connections, sizeof *all);
  int *free_ones = calloc(connections, sizeof *free_ones), poll = epoll_create1(0);
  int64_t *latency = calloc(planned, sizeof *latency);
  for (int i = 0; i < connections; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    all[i].fd = connect_to(port);
    epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
    free_ones[free_count++] = i;
  }
  int64_t begin = now_ns() + 100000000, give_up = begin + (int64_t)((seconds + GRACE_S) * 1e9);
  while (done + errors < planned && now_ns() < give_up) {
    int64_t now = now_ns();
    while (free_count && next < planned && begin + (int64_t)(next * 1e9 / rate) <= now) {
      int i = free_ones[--free_count];
      all[i].due_ns = begin + (int64_t)(next * 1e9 / rate);
      all[i].filled = 0;
      snprintf(body, sizeof body, given[7], (unsigned)(next % 1000000));
      int length = snprintf(request, sizeof request,
          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
          path[next % paths], given[6], strlen(body), body);
      if (write(all[i].fd, request, length) != length) die("write");
      next++;
    }
    struct epoll_event events[64];
    int64_t wait = next < planned && free_count ? begin + (int64_t)(next * 1e9 / rate) - now_ns() : 10000000;
    struct timespec most = {0, wait > 10000000 ? 10000000 : wait > 0 ? wait : 0};
    int ready = epoll_pwait2(poll, events, 64, &most, NULL);
    for (int e = 0; e < ready; e++) {
      struct connection *one = &all[events[e].data.u32];
      ssize_t got = read(one->fd, one->answer + one->filled, ANSWER - 1 - one->filled);
      if (got <= 0) die("the server closed a connection");
      one->filled += got;
      int state = whole(one);
      if (state == 0) continue;
      if (state < 0 && errors++ == 0) fprintf(stderr, "%.*s\n", (int)one->filled, one->answer);
      if (state > 0) latency[done++] = now_ns() - one->due_ns;
      free_ones[free_count++] = events[e].data.u32;
    }
  }
  for (size_t i = 0; i < done; i++) printf("%.1f\n", latency[i] / 1e3);
  printf("errors %d unsent %zu\n", errors, planned - done - errors);
  return 0;
}

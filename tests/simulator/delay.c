/* SPDX-License-Identifier: MIT */
#include "delay.h"

#include <stdio.h>
#include <sys/epoll.h>

void delays_init(struct delays *delays, int epoll) {
  TAILQ_INIT(&delays->waiting);
  delays->epoll = epoll;
}

void delay_init(struct delay *delay, struct delays *delays,
                struct MHD_Connection *connection) {
  delay->delays = delays;
  delay->connection = connection;
}

int delay_socket(const struct delay *delay) {
  return MHD_get_connection_info(delay->connection,
                                 MHD_CONNECTION_INFO_CONNECTION_FD)
      ->connect_fd;
}

/* Looks for its place from the end: most come in the order in which they go. */
static void insert(struct delays *delays, struct delay *delay) {
  struct delay *before = TAILQ_LAST(&delays->waiting, waiting);
  while (before != NULL && before->due > delay->due)
    before = TAILQ_PREV(before, waiting, next);
  if (before != NULL)
    TAILQ_INSERT_AFTER(&delays->waiting, before, delay, next);
  else
    TAILQ_INSERT_HEAD(&delays->waiting, delay, next);
}

void delay_start(struct delay *delay, usec due) {
  struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = delay};
  delay->due = due;
  delay->is_waiting = true;
  insert(delay->delays, delay);
  if (epoll_ctl(delay->delays->epoll, EPOLL_CTL_ADD, delay_socket(delay),
                &event) != 0)
    perror("camb_api_simulator: epoll_ctl");
  MHD_suspend_connection(delay->connection);
}

void delay_end(struct delay *delay) {
  if (!delay->is_waiting)
    return;
  delay->is_waiting = false;
  TAILQ_REMOVE(&delay->delays->waiting, delay, next);
  epoll_ctl(delay->delays->epoll, EPOLL_CTL_DEL, delay_socket(delay), NULL);
  MHD_resume_connection(delay->connection);
}

void delay_end_without_client(struct delay *delay) {
  delay->client_left = true;
  delay_end(delay);
}

/* Up to this moment. */
static void end_until(struct delays *delays, usec moment) {
  struct delay *first;
  while ((first = TAILQ_FIRST(&delays->waiting)) != NULL &&
         first->due <= moment)
    delay_end(first);
}

void delays_end_due(struct delays *delays) { end_until(delays, usec_now()); }

void delays_end_all(struct delays *delays) { end_until(delays, USEC_NEVER); }

usec delays_next_due(const struct delays *delays) {
  const struct delay *first = TAILQ_FIRST(&delays->waiting);
  return first != NULL ? first->due : USEC_NEVER;
}

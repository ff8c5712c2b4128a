/* SPDX-License-Identifier: MIT */
/* Answers that wait. The HTTP library's connection is suspended meanwhile, and
 * since the library does not look at it then, we look whether its client goes
 * away. */
#ifndef DELAY_H
#define DELAY_H

#include "usec.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>

/* Of one request. */
struct delay {
  TAILQ_ENTRY(delay) next;
  struct delays *delays;
  struct MHD_Connection *connection;
  usec due;         /* when it is over; USEC_NEVER: when the client goes away */
  bool is_waiting;  /* now */
  bool client_left; /* while it was */
};

/* All of them that wait, by the time when they are over. */
struct delays {
  TAILQ_HEAD(waiting, delay) waiting;
  int epoll; /* where each is known by its address */
};

void delays_init(struct delays *delays, int epoll);

/* For a request that has come by this connection; all zero before. */
void delay_init(struct delay *delay, struct delays *delays,
                struct MHD_Connection *connection);

void delay_start(struct delay *delay, usec due);

/* The library goes on with the connection; fine if it does not wait. */
void delay_end(struct delay *delay);

/* What epoll has reported it for. */
void delay_end_without_client(struct delay *delay);

void delays_end_due(struct delays *delays);
void delays_end_all(struct delays *delays);

/* When the next is over, or USEC_NEVER. */
usec delays_next_due(const struct delays *delays);

int delay_socket(const struct delay *delay);

#endif

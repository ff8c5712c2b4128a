/* SPDX-License-Identifier: MIT */
/* The HTTP server on 127.0.0.1, in one thread and one event loop. */
#ifndef SERVER_H
#define SERVER_H

#include "world.h"

struct server;

/* Listens for requests to this world. port: 0 for a free one. certificate, key:
 * in PEM, for HTTPS, or both NULL; they outlive the server. NULL on failure,
 * which has been said. */
struct server *server_start(struct world *world, uint16_t port,
                            struct blob *certificate, struct blob *key);

unsigned server_port(const struct server *server);

/* Serves until the file descriptor can be read. Returns false if that can't be
 * watched. */
bool server_run(struct server *server, int stop);

/* Breaks all connections; NULL is fine. */
void server_free(struct server *server);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <core/control/connections.h>

#define MOST          96 /* of all; libmicrohttpd takes a few more */
#define MOST_READERS  48 /* of those who are no admins */
#define DEADLINE_MS   10000
#define MOST_ROUND_MS 100

struct sl_connection {
	TAILQ_ENTRY(sl_connection) links;
	struct sl_peer peer;
	int fd;
	bool waiting; /* for a request, or the rest of one */
	bool gone;    /* hung up on; libmicrohttpd does not know yet */
	uint64_t since;
};

struct sl_connections {
	TAILQ_HEAD(sl_connection_list, sl_connection)
	all;                         /* the one that waits the longest first */
	unsigned int admins, others; /* that were not hung up on */
	/* Milliseconds in which the server was polled: what the main thread spends elsewhere, in
	 * an apply say, is not held against clients. */
	uint64_t now;
	uint64_t polled; /* real time */
};

static uint64_t real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct sl_connections *sl_connections_new(void)
{
	struct sl_connections *connections = calloc(1, sizeof(*connections));

	if (connections == NULL)
		return NULL;
	TAILQ_INIT(&connections->all);
	connections->polled = real_ms();
	return connections;
}

void sl_connections_free(struct sl_connections *connections)
{
	free(connections);
}

static unsigned int *count_of(struct sl_connections *connections, const struct sl_connection *one)
{
	return one->peer.role == SL_ROLE_ADMIN ? &connections->admins : &connections->others;
}

/* libmicrohttpd sees the end of the stream, and closes it. */
static void hang_up(struct sl_connections *connections, struct sl_connection *one)
{
	if (one->gone)
		return;
	one->gone = true;
	--*count_of(connections, one);
	shutdown(one->fd, SHUT_RDWR);
}

static void make_room(struct sl_connections *connections, bool of_admins)
{
	struct sl_connection *one;

	for (one = TAILQ_FIRST(&connections->all); one != NULL; one = TAILQ_NEXT(one, links)) {
		if (!one->waiting || one->gone)
			continue;
		if (!of_admins && one->peer.role == SL_ROLE_ADMIN)
			continue;
		hang_up(connections, one);
		return;
	}
}

struct sl_connection *sl_connections_add(struct sl_connections *connections, int fd,
					 const struct sl_peer *peer)
{
	struct sl_connection *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return NULL;
	one->peer = *peer;
	one->fd = fd;
	one->waiting = true;
	one->since = connections->now;
	if (connections->others >= MOST_READERS && peer->role != SL_ROLE_ADMIN)
		make_room(connections, false);
	else if (connections->admins + connections->others >= MOST)
		make_room(connections, true);
	TAILQ_INSERT_TAIL(&connections->all, one, links);
	++*count_of(connections, one);
	return one;
}

void sl_connections_remove(struct sl_connections *connections, struct sl_connection *one)
{
	TAILQ_REMOVE(&connections->all, one, links);
	if (!one->gone)
		--*count_of(connections, one);
	free(one);
}

const struct sl_peer *sl_connection_peer(const struct sl_connection *connection)
{
	return &connection->peer;
}

void sl_connection_busy(struct sl_connection *connection)
{
	connection->waiting = false;
}

void sl_connection_idle(struct sl_connections *connections, struct sl_connection *one)
{
	one->waiting = true;
	one->since = connections->now;
	TAILQ_REMOVE(&connections->all, one, links);
	TAILQ_INSERT_TAIL(&connections->all, one, links);
}

void sl_connections_tend(struct sl_connections *connections)
{
	uint64_t real = real_ms(), passed = real - connections->polled;
	struct sl_connection *one;

	connections->now += passed < MOST_ROUND_MS ? passed : MOST_ROUND_MS;
	connections->polled = real;
	for (one = TAILQ_FIRST(&connections->all); one != NULL; one = TAILQ_NEXT(one, links)) {
		if (one->since + DEADLINE_MS > connections->now)
			return;
		if (one->waiting)
			hang_up(connections, one);
	}
}

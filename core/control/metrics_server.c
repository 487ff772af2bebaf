/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <rte_cycles.h>

#include <core/control/exposition.h>
#include <core/control/metrics.h>
#include <core/control/metrics_server.h>
#include <core/host/listen.h>
#include <core/host/log.h>

/* Whoever reaches the address may ask, so all is bounded: a handful of connections, little memory
 * each, silence is not waited for, and the main thread collects at most ten times a second. */
#define MOST_CLIENTS         16
#define MOST_CLIENTS_OF_ONE  8
#define MOST_MEMORY          8192u
#define TIMEOUT              3u /* seconds without a byte */
#define COLLECTIONS_A_SECOND 10
#define BACKLOG              16

struct sl_metrics_server {
	const struct sl_engine *engine;
	struct MHD_Daemon *daemon;
	struct MHD_Response *latest; /* NULL: none yet */
	uint64_t collected;          /* TSC, then */
};

static struct MHD_Response *make_response(const struct sl_engine *engine)
{
	struct MHD_Response *response;
	size_t size;
	char *text = sl_metrics_text(engine, &size);

	if (text == NULL)
		return NULL;
	response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	else
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, SL_EXPOSITION_TYPE);
	return response;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status, char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void collect(struct sl_metrics_server *server)
{
	uint64_t now = rte_rdtsc();

	if (server->latest != NULL &&
	    now - server->collected < rte_get_tsc_hz() / COLLECTIONS_A_SECOND)
		return;
	/* Those that are still being sent keep it. */
	if (server->latest != NULL)
		MHD_destroy_response(server->latest);
	server->latest = make_response(server->engine);
	server->collected = now;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	static char no_such[] = "there is only /metrics here\n";
	static char no_change[] = "only GET and HEAD\n";
	static char no_memory[] = "out of memory\n";
	static int begun;
	struct sl_metrics_server *server = context;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return *state == NULL ? refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, no_change)
				      : MHD_NO;
	/* First the headers come, then all of it. */
	if (*state == NULL) {
		*state = &begun;
		return MHD_YES;
	}
	if (*size != 0) {
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(path, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND, no_such);
	collect(server);
	if (server->latest == NULL)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, no_memory);
	return MHD_queue_response(connection, MHD_HTTP_OK, server->latest);
}

static int listen_at(const char *text, bool takes_over, struct sl_errors *errors)
{
	union sl_listen address;
	socklen_t size;
	int fd, on = 1, off = 0;

	if (!sl_listen_parse(text, &address))
		return sl_fail(errors, EINVAL,
			       "metrics: `%s`: expected ADDRESS:PORT, such as 127.0.0.1:9469 or "
			       "[::1]:9469",
			       text);
	size = address.any.sa_family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_fail(errors, errno, "metrics at %s: no socket: %s", text,
			       strerror(errno));
	/* A run that follows another must not wait for its connections to be forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	/* Two may share an address only when the second knows of the first: the first says it once
	 * it has bound, and so does not share it with one that was there before. */
	if (takes_over)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, &address.any, size) == 0 && listen(fd, BACKLOG) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
		return fd;
	}
	sl_fail(errors, errno, "metrics at %s: cannot listen: %s", text, strerror(errno));
	close(fd);
	return -EIO;
}

static void tell(int fd)
{
	char text[SL_LISTEN_TEXT];
	union sl_listen address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) != 0)
		return;
	sl_listen_format(&address, text);
	sl_log(SL_LOG_INFO, "metrics at http://%s/metrics", text);
}

struct sl_metrics_server *sl_metrics_server_new(const struct sl_engine *engine, const char *address,
						bool takes_over, struct sl_errors *errors)
{
	struct sl_metrics_server *server;
	int fd = listen_at(address, takes_over, errors);

	if (fd < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		sl_fail(errors, ENOMEM, "metrics at %s: out of memory", address);
		close(fd);
		return NULL;
	}
	server->engine = engine;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MOST_CLIENTS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)MOST_CLIENTS_OF_ONE,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MOST_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_END);
	if (server->daemon == NULL) {
		sl_fail(errors, EIO, "metrics at %s: the HTTP server does not start", address);
		close(fd);
		free(server);
		return NULL;
	}
	tell(fd);
	return server;
}

void sl_metrics_server_free(struct sl_metrics_server *server)
{
	if (server == NULL)
		return;
	/* Closes the socket too. */
	MHD_stop_daemon(server->daemon);
	if (server->latest != NULL)
		MHD_destroy_response(server->latest);
	free(server);
}

void sl_metrics_server_poll(struct sl_metrics_server *server)
{
	if (server != NULL)
		MHD_run(server->daemon);
}

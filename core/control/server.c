/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <microhttpd.h>

#include <core/control/api_table.h>
#include <core/control/connections.h>
#include <core/control/server.h>
#include <core/control/socket.h>
#include <core/control/stream.h>
#include <core/host/hand_over.h>

#define MOST_CLIENTS  128               /* connections.c has fewer */
#define MOST_BODY     (4 * 1024 * 1024) /* a chain file */
#define MOST_HEADERS  16384
#define MOST_MEMORY   65536 /* of a connection: what libmicrohttpd takes itself */
#define STREAM_END_MS 1000  /* for the last bytes, when sluice ends */
#define TIMEOUT       10u   /* seconds without a byte */

struct sl_server {
	struct sl_engine *engine;
	struct MHD_Daemon *daemon;
	struct sl_connections *connections;
	struct sl_audit *audit;
	struct sl_rights rights;
	char *path;
	int fd; /* it listens; -1: another process has it now */
	struct sl_streams *streams;
	/* A connection whose peer wants to take over; NULL: none. */
	struct MHD_UpgradeResponseHandle *upgraded;
	int upgraded_fd;
};

/* A request whose body is still coming. */
struct request {
	char *body;
	size_t size;
	bool too_long;
};

struct headers {
	size_t size;
};

struct query {
	struct sl_arg args[SL_MAX_ARGS];
	unsigned int count;
	bool too_many;
};

static enum MHD_Result add_query(void *context, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct query *query = context;

	if (query->count == SL_MAX_ARGS) {
		query->too_many = true;
		return MHD_NO;
	}
	query->args[query->count++] = (struct sl_arg){key, value != NULL ? value : ""};
	return MHD_YES;
}

/* allow: the methods that there are, when it was none of them; or NULL. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status, json_t *answer,
			     const char *allow)
{
	char *text =
		answer != NULL ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	struct MHD_Response *response;
	enum MHD_Result result;

	json_decref(answer);
	if (text == NULL)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (allow != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool add_body(struct request *request, const char *data, size_t size)
{
	char *grown;

	if (size > MOST_BODY - request->size)
		return false;
	grown = realloc(request->body, request->size + size);
	if (grown == NULL)
		return false;
	memcpy(grown + request->size, data, size);
	request->body = grown;
	request->size += size;
	return true;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *where, const char *text)
{
	return reply(connection, status, json_pack("{ss, ss}", "error", text, "where", where),
		     NULL);
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *key,
				  const char *value)
{
	struct headers *headers = context;

	headers->size += strlen(key) + (value != NULL ? strlen(value) : 0) + 4;
	return MHD_YES;
}

static bool is_json(struct MHD_Connection *connection)
{
	static const char json[] = "application/json";
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_TYPE);

	return type == NULL || (strncasecmp(type, json, strlen(json)) == 0 &&
				strchr(" ;\t", type[strlen(json)]) != NULL);
}

static struct sl_connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

/*
 * Another process takes over
 */

static void begin_hand_over(void *context, struct MHD_Connection *connection, void *state,
			    const char *extra, size_t extra_size, MHD_socket fd,
			    struct MHD_UpgradeResponseHandle *handle)
{
	struct sl_server *server = context;

	server->upgraded = handle;
	server->upgraded_fd = fd;
}

static enum MHD_Result upgrade(struct sl_server *server, struct MHD_Connection *connection)
{
	const char *wanted =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);
	struct MHD_Response *response;
	enum MHD_Result result;

	if (wanted == NULL || strcmp(wanted, SL_HAND_OVER_PROTOCOL) != 0)
		return refuse(connection, MHD_HTTP_UPGRADE_REQUIRED, "Upgrade",
			      "this is for `sluice run --take-over`, which asks for an upgrade of "
			      "the connection to " SL_HAND_OVER_PROTOCOL);
	response = MHD_create_response_for_upgrade(begin_hand_over, server);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, SL_HAND_OVER_PROTOCOL);
	result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	MHD_destroy_response(response);
	return result;
}

/* Here and not in a callback of the HTTP server: it takes a while, and may be the end. */
static void hand_over(struct sl_server *server)
{
	if (sl_engine_hand_over(server->engine, server->upgraded_fd, server->fd)) {
		/* The other process listens at the same socket. */
		close(MHD_quiesce_daemon(server->daemon));
		server->fd = -1;
	}
	MHD_upgrade_action(server->upgraded, MHD_UPGRADE_ACTION_CLOSE);
	server->upgraded = NULL;
}

static enum MHD_Result answer(struct sl_server *server, struct MHD_Connection *connection,
			      const char *path, const char *method, const struct request *request)
{
	const struct sl_connection *from = connection_of(connection);
	struct query query = {.count = 0};
	struct headers headers = {0};
	struct sl_api_source source = {0};
	bool upgraded = false;
	struct sl_api_request asked = {
		.method = method,
		.path = path,
		.args = query.args,
		.body = request->body,
		.body_size = request->size,
		.audit = server->audit,
		.source = sl_streams_room(server->streams) ? &source : NULL,
		.upgrade = &upgraded,
	};
	unsigned int status = SL_API_OK;
	char allowed[64];
	json_t *json;

	if (server->engine == NULL)
		return refuse(connection, SL_API_UNAVAILABLE, "sluice", "it ends");
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &headers);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &query);
	if (headers.size > MOST_HEADERS)
		return refuse(connection, SL_API_HEADERS_TOO_LONG, "headers",
			      "there are more than 16 KiB of headers");
	if (query.too_many || request->too_long)
		return refuse(connection, SL_API_TOO_LONG, request->too_long ? "body" : "query",
			      "the request is too long");
	if (request->size != 0 && !is_json(connection))
		return refuse(connection, SL_API_WRONG_TYPE, "Content-Type",
			      "the body must be application/json");
	asked.arg_count = query.count;
	if (from != NULL)
		asked.peer = *sl_connection_peer(from);
	json = sl_api_answer(server->engine, &asked, &status);
	if (source.read != NULL)
		return sl_stream_begin(server->streams, connection, &source);
	if (upgraded) {
		json_decref(json);
		return upgrade(server, connection);
	}
	return reply(connection, status, json,
		     status == SL_API_NOT_ALLOWED ? sl_api_allowed(path, allowed, sizeof(allowed))
						  : NULL);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	struct request *request = *state;

	if (request == NULL) {
		*state = calloc(1, sizeof(*request));
		return *state != NULL ? MHD_YES : MHD_NO;
	}
	if (*size != 0) {
		if (!request->too_long && !add_body(request, data, *size))
			request->too_long = true;
		*size = 0;
		return MHD_YES;
	}
	if (connection_of(connection) != NULL)
		sl_connection_busy(connection_of(connection));
	return answer(context, connection, path, method, request);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct sl_server *server = context;
	struct request *request = *state;

	if (connection_of(connection) != NULL)
		sl_connection_idle(server->connections, connection_of(connection));
	if (request == NULL)
		return;
	free(request->body);
	free(request);
	*state = NULL;
}

static void connected(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_ConnectionNotificationCode code)
{
	struct sl_server *server = context;
	const union MHD_ConnectionInfo *info;
	struct sl_peer peer;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*state != NULL)
			sl_connections_remove(server->connections, *state);
		*state = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info == NULL)
		return;
	sl_peer_of(info->connect_fd, &server->rights, &peer);
	*state = sl_connections_add(server->connections, info->connect_fd, &peer);
}

static int start(struct sl_server *server, const struct sl_server_conf *conf,
		 struct sl_errors *errors)
{
	server->path = strdup(conf->path);
	server->connections = sl_connections_new();
	server->streams = sl_streams_new();
	server->audit = sl_audit_new();
	if (server->path == NULL || server->streams == NULL || server->connections == NULL ||
	    server->audit == NULL)
		return sl_fail(errors, ENOMEM, "control socket %s: out of memory", conf->path);
	if (sl_rights_find(&server->rights, conf->admins, conf->readers, errors) != 0)
		return -ENOENT;
	if (conf->listening != NULL) {
		server->fd = *conf->listening;
		*conf->listening = -1;
	} else {
		server->fd = sl_socket_listen(conf->path, conf->mode, conf->group, errors);
	}
	if (server->fd < 0)
		return server->fd;
	server->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_UPGRADE, 0, NULL, NULL, handle, server,
				 MHD_OPTION_LISTEN_SOCKET, server->fd, MHD_OPTION_NOTIFY_COMPLETED,
				 completed, server, MHD_OPTION_NOTIFY_CONNECTION, connected, server,
				 MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MOST_CLIENTS,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MOST_MEMORY,
				 MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_END);
	if (server->daemon != NULL)
		return 0;
	sl_socket_unlink(server->fd, conf->path);
	return sl_fail(errors, EIO, "control socket %s: the HTTP server does not start",
		       conf->path);
}

static void release(struct sl_server *server)
{
	sl_connections_free(server->connections);
	sl_streams_free(server->streams);
	sl_audit_free(server->audit);
	free(server->path);
	free(server);
}

struct sl_server *sl_server_new(struct sl_engine *engine, const struct sl_server_conf *conf,
				struct sl_errors *errors)
{
	struct sl_server *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		sl_fail(errors, ENOMEM, "control socket %s: out of memory", conf->path);
		return NULL;
	}
	server->engine = engine;
	if (start(server, conf, errors) == 0)
		return server;
	release(server);
	return NULL;
}

void sl_server_free(struct sl_server *server)
{
	if (server == NULL)
		return;
	/* No connection may rest when the daemon ends. */
	sl_streams_cut(server->streams);
	/* The engine may be gone. */
	server->engine = NULL;
	sl_server_poll(server);
	/* Closes the socket too. */
	MHD_stop_daemon(server->daemon);
	if (server->fd >= 0)
		sl_socket_unlink(-1, server->path);
	release(server);
}

void sl_server_finish(struct sl_server *server)
{
	sl_streams_end(server->streams);
	for (int i = 0; i < STREAM_END_MS && sl_streams_any(server->streams); i++) {
		struct pollfd wait = {.fd = sl_server_fd(server), .events = POLLIN};

		sl_server_poll(server);
		if (sl_streams_any(server->streams))
			poll(&wait, 1, 1);
	}
	sl_streams_cut(server->streams);
	sl_server_poll(server);
}

int sl_server_fd(const struct sl_server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info != NULL ? info->epoll_fd : -1;
}

void sl_server_poll(struct sl_server *server)
{
	sl_streams_wake(server->streams);
	MHD_run(server->daemon);
	sl_connections_tend(server->connections);
	if (server->upgraded != NULL)
		hand_over(server);
}

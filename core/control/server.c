/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include <core/control/api.h>
#include <core/control/server.h>
#include <core/control/socket.h>

#define MOST_CLIENTS 16
#define MOST_BODY    (4 * 1024 * 1024) /* a chain file */
#define TIMEOUT      10u               /* seconds without a byte */

struct sl_server {
	struct sl_engine *engine;
	struct MHD_Daemon *daemon;
	char *path;
	int fd;
};

/* A request whose body is still coming. */
struct request {
	char *body;
	size_t size;
	bool too_long;
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

static struct sl_peer peer(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sl_peer peer = {.uid = (uid_t)-1};

	if (info == NULL)
		return peer;
	peer.uid = sl_socket_peer(info->connect_fd);
	peer.role = sl_socket_trusted(info->connect_fd) ? SL_ROLE_ADMIN : SL_ROLE_READ;
	return peer;
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

static enum MHD_Result answer(struct sl_server *server, struct MHD_Connection *connection,
			      const char *path, const char *method, const struct request *request)
{
	struct query query = {.count = 0};
	struct sl_api_request asked;
	unsigned int status = 200;
	char allowed[64];
	json_t *json;

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &query);
	if (query.too_many || request->too_long)
		return reply(connection, 413,
			     json_pack("{ss, ss}", "error", "the request is too long", "where",
				       request->too_long ? "body" : "query"),
			     NULL);
	asked = (struct sl_api_request){
		.method = method,
		.path = path,
		.args = query.args,
		.arg_count = query.count,
		.body = request->body,
		.body_size = request->size,
		.peer = peer(connection),
	};
	json = sl_api_answer(server->engine, &asked, &status);
	return reply(connection, status, json,
		     status == 405 ? sl_api_allowed(path, allowed, sizeof(allowed)) : NULL);
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
	return answer(context, connection, path, method, request);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct request *request = *state;

	if (request == NULL)
		return;
	free(request->body);
	free(request);
	*state = NULL;
}

struct sl_server *sl_server_new(struct sl_engine *engine, const char *path, uint32_t mode,
				const char *group, struct sl_errors *errors)
{
	struct sl_server *server = calloc(1, sizeof(*server));

	if (server == NULL || (server->path = strdup(path)) == NULL) {
		free(server);
		sl_fail(errors, ENOMEM, "control socket %s: out of memory", path);
		return NULL;
	}
	server->engine = engine;
	server->fd = sl_socket_listen(path, mode, group, errors);
	if (server->fd < 0) {
		free(server->path);
		free(server);
		return NULL;
	}
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, server->fd,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)MOST_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_END);
	if (server->daemon != NULL)
		return server;
	sl_fail(errors, EIO, "control socket %s: the HTTP server does not start", path);
	sl_socket_unlink(server->fd, path);
	free(server->path);
	free(server);
	return NULL;
}

void sl_server_free(struct sl_server *server)
{
	if (server == NULL)
		return;
	/* Closes the socket too. */
	MHD_stop_daemon(server->daemon);
	sl_socket_unlink(-1, server->path);
	free(server->path);
	free(server);
}

int sl_server_fd(const struct sl_server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info != NULL ? info->epoll_fd : -1;
}

void sl_server_poll(struct sl_server *server)
{
	MHD_run(server->daemon);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include <core/control/api.h>
#include <core/control/server.h>
#include <core/control/socket.h>

#define MOST_CLIENTS  16
#define MOST_BODY     (4 * 1024 * 1024) /* a chain file */
#define TIMEOUT       10u               /* seconds without a byte */
#define MOST_STREAMS  8                 /* so that there is always room for a question */
#define STREAM_BLOCK  65536
#define STREAM_END_MS 1000 /* for the last bytes, when sluice ends */

/* An answer without an end of its own. */
struct stream {
	struct stream *next;
	struct sl_server *server;
	struct MHD_Connection *connection;
	struct sl_api_source source;
	bool suspended; /* there was nothing to send */
	bool gone;      /* nobody listens any more */
};

struct sl_server {
	struct sl_engine *engine;
	struct MHD_Daemon *daemon;
	char *path;
	int fd;
	struct stream *streams;
	unsigned int stream_count;
	uint64_t rounds;
	bool ending; /* what streams have now is all that comes */
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

/*
 * Streams. A connection rests while its source has nothing; the main thread looks each round.
 */

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
	struct stream *stream = context;
	ssize_t got;

	if (stream->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	got = stream->source.read(stream->source.context, out, room);
	if (got > 0)
		return got;
	if (got < 0 || stream->server->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

static void end_stream(void *context)
{
	struct stream *stream = context, **link = &stream->server->streams;

	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	stream->server->stream_count--;
	stream->source.close(stream->source.context);
	free(stream);
}

static bool hung_up(const struct stream *stream)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd peer = {.events = POLLRDHUP};

	if (info == NULL)
		return true;
	peer.fd = info->connect_fd;
	return poll(&peer, 1, 0) > 0;
}

/* Wake those that have something to send, or nobody to send it to. */
static void wake_streams(struct sl_server *server)
{
	bool look = server->rounds++ % 64 == 0;

	for (struct stream *s = server->streams; s != NULL; s = s->next) {
		if (!s->suspended)
			continue;
		if (look && hung_up(s))
			s->gone = true;
		if (!s->gone && !server->ending && !s->source.ready(s->source.context))
			continue;
		s->suspended = false;
		MHD_resume_connection(s->connection);
	}
}

static enum MHD_Result begin_stream(struct sl_server *server, struct MHD_Connection *connection,
				    const struct sl_api_source *source)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response = NULL;
	enum MHD_Result result;

	if (stream != NULL)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
							     read_stream, stream, end_stream);
	if (response == NULL) {
		source->close(source->context);
		free(stream);
		return MHD_NO;
	}
	*stream = (struct stream){.next = server->streams,
				  .server = server,
				  .connection = connection,
				  .source = *source};
	server->streams = stream;
	server->stream_count++;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, source->type);
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

void sl_server_finish(struct sl_server *server)
{
	server->ending = true;
	for (int i = 0; i < STREAM_END_MS && server->streams != NULL; i++) {
		struct pollfd wait = {.fd = sl_server_fd(server), .events = POLLIN};

		sl_server_poll(server);
		if (server->streams != NULL)
			poll(&wait, 1, 1);
	}
	for (struct stream *s = server->streams; s != NULL; s = s->next)
		s->gone = true;
	sl_server_poll(server);
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
	struct sl_api_source source = {0};
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
	if (server->stream_count < MOST_STREAMS)
		asked.source = &source;
	json = sl_api_answer(server->engine, &asked, &status);
	if (source.read != NULL)
		return begin_stream(server, connection, &source);
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
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
					  handle, server, MHD_OPTION_LISTEN_SOCKET, server->fd,
					  MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
					  MHD_OPTION_CONNECTION_LIMIT, (unsigned int)MOST_CLIENTS,
					  MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT, MHD_OPTION_END);
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
	/* No connection may rest when the daemon ends. */
	for (struct stream *s = server->streams; s != NULL; s = s->next)
		s->gone = true;
	sl_server_poll(server);
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
	wake_streams(server);
	MHD_run(server->daemon);
}

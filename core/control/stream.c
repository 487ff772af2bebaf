/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdlib.h>

#include <core/control/stream.h>

#define MOST  8
#define BLOCK 65536

struct stream {
	struct stream *next;
	struct sl_streams *all;
	struct MHD_Connection *connection;
	struct sl_api_source source;
	bool suspended; /* there was nothing to send */
	bool gone;      /* nobody listens any more */
};

struct sl_streams {
	struct stream *first;
	unsigned int count;
	uint64_t rounds;
	bool ending;
};

struct sl_streams *sl_streams_new(void)
{
	return calloc(1, sizeof(struct sl_streams));
}

void sl_streams_free(struct sl_streams *streams)
{
	free(streams);
}

bool sl_streams_room(const struct sl_streams *streams)
{
	return streams->count < MOST;
}

bool sl_streams_any(const struct sl_streams *streams)
{
	return streams->first != NULL;
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
	struct stream *stream = context;
	ssize_t got;

	if (stream->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	got = stream->source.read(stream->source.context, out, room);
	if (got > 0)
		return got;
	if (got < 0 || stream->all->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

static void end_stream(void *context)
{
	struct stream *stream = context, **link = &stream->all->first;

	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	stream->all->count--;
	stream->source.close(stream->source.context);
	free(stream);
}

enum MHD_Result sl_stream_begin(struct sl_streams *streams, struct MHD_Connection *connection,
				const struct sl_api_source *source)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response = NULL;
	enum MHD_Result result;

	if (stream != NULL)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream,
							     stream, end_stream);
	if (response == NULL) {
		source->close(source->context);
		free(stream);
		return MHD_NO;
	}
	*stream = (struct stream){.next = streams->first,
				  .all = streams,
				  .connection = connection,
				  .source = *source};
	streams->first = stream;
	streams->count++;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, source->type);
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
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

void sl_streams_wake(struct sl_streams *streams)
{
	bool look = streams->rounds++ % 64 == 0;

	for (struct stream *s = streams->first; s != NULL; s = s->next) {
		if (!s->suspended)
			continue;
		if (look && hung_up(s))
			s->gone = true;
		if (!s->gone && !streams->ending && !s->source.ready(s->source.context))
			continue;
		s->suspended = false;
		MHD_resume_connection(s->connection);
	}
}

void sl_streams_end(struct sl_streams *streams)
{
	streams->ending = true;
}

void sl_streams_cut(struct sl_streams *streams)
{
	for (struct stream *s = streams->first; s != NULL; s = s->next)
		s->gone = true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* State that goes to another sluice: through a file, or at once. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <core/control/api_table.h>
#include <core/host/hand_over.h>
#include <core/host/save.h>

/* A state that somebody reads. */
struct reading {
	int fd;
	off_t at;
};

static bool ready(void *context)
{
	return true;
}

static ssize_t read_some(void *context, char *out, size_t room)
{
	struct reading *reading = context;
	ssize_t got = pread(reading->fd, out, room, reading->at);

	if (got <= 0)
		return -1;
	reading->at += got;
	return got;
}

static void end_reading(void *context)
{
	struct reading *reading = context;

	close(reading->fd);
	free(reading);
}

static json_t *state(struct sl_api_call *call)
{
	struct reading *reading;
	struct sl_errors *errors;
	json_t *answer;
	int fd;

	if (call->engine->stop_asked)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL, "it ends");
	if (call->request->source == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "too many answers are being read already");
	reading = calloc(1, sizeof(*reading));
	errors = sl_errors_new();
	fd = reading != NULL ? sl_engine_save_memory(call->engine, false, errors) : -ENOMEM;
	if (fd >= 0) {
		reading->fd = fd;
		*call->request->source = (struct sl_api_source){
			.type = "application/octet-stream",
			.ready = ready,
			.read = read_some,
			.close = end_reading,
			.context = reading,
		};
		answer = json_object();
	} else {
		free(reading);
		answer = sl_api_fail_errors(call, fd, errors);
	}
	sl_errors_free(errors);
	return answer;
}

static json_t *hand_over(struct sl_api_call *call)
{
	if (call->engine->stop_asked)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL, "it ends");
	if (call->request->upgrade == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "this can only be asked for over the control socket");
	*call->request->upgrade = true;
	return json_object();
}

const struct sl_api_operation sl_api_state[] = {
	{
		.method = "GET",
		.path = "/v1/state",
		.name = "save",
		.summary = "What all VNFs remember, as `sluice save` keeps it",
		.doc = "Bytes that `sluice run --restore` reads: see docs/restart.md. They are "
		       "made in memory first.",
		.role = SL_ROLE_ADMIN,
		.type = "application/octet-stream",
		.run = state,
	},
	{
		.method = "POST",
		.path = SL_HAND_OVER_PATH,
		.name = "hand-over",
		.summary = "Hand everything over to another process",
		.doc = "For `sluice run --take-over`: asks for an upgrade of the connection to "
		       "`" SL_HAND_OVER_PROTOCOL "`; without that header the answer is 426.",
		.role = SL_ROLE_ADMIN,
		.run = hand_over,
	},
	{.method = NULL},
};

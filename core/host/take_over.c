/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of a hand-over that begins: see hand_over.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/host/hand_over.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/save.h>

/* For the other side to answer at once, and to write all its state. */
#define ANSWER_MS 10000
#define STATE_MS  60000

struct sl_take_over {
	int (*connect)(void *context, struct sl_errors *errors);
	void *context;
	int fd, control;
	uint64_t paused; /* TSC */
	uint64_t pid;
	bool finished;
};

struct sl_take_over *sl_take_over_new(int (*connect)(void *context, struct sl_errors *errors),
				      void *context)
{
	struct sl_take_over *take = calloc(1, sizeof(*take));

	if (take == NULL)
		return NULL;
	take->connect = connect;
	take->context = context;
	take->fd = take->control = -1;
	return take;
}

static int say(const struct sl_take_over *take, enum sl_hand_over_kind kind, uint64_t number,
	       struct sl_errors *errors)
{
	int err = sl_hand_over_send(take->fd, kind, number, SL_VERSION, NULL, 0);

	if (err != 0)
		sl_fail(errors, -err, "hand-over: the other side does not listen: %s",
			strerror(-err));
	return err;
}

static int expect(const struct sl_take_over *take, enum sl_hand_over_kind kind,
		  struct sl_hand_over_message *message, int *files, unsigned int count,
		  struct sl_errors *errors)
{
	const struct sl_hand_over_wait wait = {.kind = kind,
					       .timeout_ms = count > 0 ? STATE_MS : ANSWER_MS};

	return sl_hand_over_receive(take->fd, &wait, message, files, count, errors);
}

static bool shares_ports(const struct sl_chain *chain)
{
	for (unsigned int i = 0; i < chain->port_count; i++)
		if (!chain->ports[i].kind->shareable)
			return false;
	return true;
}

/* Both states, checked before anything of the other side stands still. */
struct states {
	int files[2];
	struct sl_saved *all, *rest;
};

static int get(struct sl_take_over *take, enum sl_hand_over_kind kind, struct states *states,
	       struct sl_errors *errors)
{
	bool rest = kind == SL_REST;
	struct sl_hand_over_message message;
	int files[2] = {-1, -1};
	struct sl_saved *saved;
	int err = expect(take, kind, &message, files, rest ? 2 : 1, errors);

	if (err != 0)
		return err;
	states->files[rest] = files[0];
	if (rest)
		take->control = files[1];
	saved = sl_saved_open(files[0], "state of the running sluice", errors);
	if (rest)
		states->rest = saved;
	else
		states->all = saved;
	return saved != NULL ? 0 : -EBADMSG;
}

static int connect_to(struct sl_take_over *take, struct sl_errors *errors)
{
	struct sl_hand_over_message message;
	int err;

	take->fd = take->connect(take->context, errors);
	if (take->fd < 0)
		return take->fd;
	err = expect(take, SL_HELLO, &message, NULL, 0, errors);
	if (err != 0)
		return err;
	take->pid = message.number;
	sl_log(SL_LOG_INFO, "taking over from sluice %s, process %llu", message.text,
	       (unsigned long long)take->pid);
	return say(take, SL_BEGIN, 0, errors);
}

static int take_state(struct sl_take_over *take, struct sl_engine *engine, struct states *states,
		      struct sl_errors *errors)
{
	struct sl_hand_over_message message;
	bool shared = shares_ports(engine->private->chain);
	int err = 0;

	engine->private->starts_later = shared;
	if (shared)
		err = sl_engine_build(engine, errors);
	if (err == 0)
		err = connect_to(take, errors);
	if (err == 0)
		err = get(take, SL_ALL, states, errors);
	if (err == 0 && shared)
		err = sl_engine_restore(engine, states->all, errors);
	if (err == 0)
		err = say(take, SL_STOP, shared, errors);
	if (err == 0)
		err = expect(take, SL_PAUSED, &message, NULL, 0, errors);
	if (err != 0)
		return err;
	take->paused = message.number;
	/* What comes from now on waits in the ports. */
	if (shared)
		err = sl_ports_start(engine, errors);
	if (err == 0)
		err = get(take, SL_REST, states, errors);
	if (err == 0 && !shared) {
		err = sl_engine_build(engine, errors);
		if (err == 0)
			err = sl_engine_restore(engine, states->all, errors);
	}
	return err == 0 ? sl_engine_restore(engine, states->rest, errors) : err;
}

int sl_take_over_state(struct sl_take_over *take, struct sl_engine *engine,
		       struct sl_errors *errors)
{
	struct states states = {.files = {-1, -1}};
	int err = take_state(take, engine, &states, errors);

	sl_saved_free(states.all);
	sl_saved_free(states.rest);
	for (int i = 0; i < 2; i++)
		if (states.files[i] >= 0)
			close(states.files[i]);
	return err;
}

int sl_take_over_control(struct sl_take_over *take)
{
	int control = take->control;

	take->control = -1;
	return control;
}

int sl_take_over_finish(struct sl_take_over *take, struct sl_engine *engine,
			struct sl_errors *errors)
{
	struct sl_hand_over_message message;
	int err = say(take, SL_READY, 0, errors);

	if (err == 0)
		err = expect(take, SL_YOURS, &message, NULL, 0, errors);
	if (err != 0)
		return err;
	take->finished = true;
	err = sl_engine_launch(engine, errors);
	if (err != 0)
		return err;
	engine->restored.outage = rte_rdtsc() - take->paused;
	engine->restored.from = (int)take->pid;
	sl_log(SL_LOG_INFO, "took over from process %llu; nobody forwarded for %.1f ms",
	       (unsigned long long)take->pid,
	       (double)engine->restored.outage * 1e3 / (double)rte_get_tsc_hz());
	return 0;
}

void sl_take_over_free(struct sl_take_over *take)
{
	if (take == NULL)
		return;
	if (take->fd >= 0 && !take->finished)
		sl_hand_over_send(take->fd, SL_FAILED, 0, "it did not start", NULL, 0);
	if (take->fd >= 0)
		close(take->fd);
	if (take->control >= 0)
		close(take->control);
	free(take);
}

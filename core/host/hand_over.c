/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of a hand-over that ends: see hand_over.h. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/host/hand_over.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/save.h>

/* For the other side to make what it can make beside us, and to take in the state. */
#define PREPARE_MS 60000
/* For it to open ports, while nobody forwards. */
#define OPEN_MS   30000
#define REOPEN_MS 2000

struct handing {
	struct sl_engine *engine;
	int fd;
	int control;
	bool shared; /* the ports are open on the other side too */
	bool paused;
	struct sl_errors *errors;
};

/* While packets flow, the main thread has its work; and it may be told to stop. */
static int tend_running(void *context)
{
	struct sl_engine *engine = context;

	sl_engine_poll(engine, 0, -1);
	return engine->stop_asked ? -EINTR : 0;
}

static int expect(struct handing *h, enum sl_hand_over_kind kind, unsigned int timeout_ms,
		  struct sl_hand_over_message *message)
{
	const struct sl_hand_over_wait wait = {
		.kind = kind,
		.timeout_ms = timeout_ms,
		.tend = h->paused ? NULL : tend_running,
		.context = h->engine,
	};

	return sl_hand_over_receive(h->fd, &wait, message, NULL, 0, h->errors);
}

static int say(struct handing *h, enum sl_hand_over_kind kind, uint64_t number, const int *files,
	       unsigned int count)
{
	int err = sl_hand_over_send(h->fd, kind, number, SL_VERSION, files, count);

	if (err != 0)
		sl_fail(h->errors, -err, "hand-over: the other side does not listen: %s",
			strerror(-err));
	return err;
}

/* The control socket goes with the last of it. */
static int send_state(struct handing *h, enum sl_hand_over_kind kind)
{
	bool rest = kind == SL_REST;
	int files[2] = {sl_engine_save_memory(h->engine, rest, h->errors), h->control};
	int err;

	if (files[0] < 0)
		return files[0];
	err = say(h, kind, 0, files, rest ? 2 : 1);
	close(files[0]);
	return err;
}

static void park_ports(struct sl_engine *engine)
{
	for (unsigned int i = 0; i < engine->port_count; i++)
		sl_port_park(engine->ports[i]);
}

/* A process that was killed may need a moment to let go of its ports. */
static void reopen_port(struct sl_port *port)
{
	struct sl_errors *errors = sl_errors_new();
	uint64_t give_up = rte_rdtsc() + rte_get_tsc_hz() / 1000 * REOPEN_MS;
	int err = sl_port_reopen(port, errors);

	while (err != 0 && rte_rdtsc() < give_up) {
		sl_errors_free(errors);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		errors = sl_errors_new();
		err = sl_port_reopen(port, errors);
	}
	if (err != 0)
		sl_log(SL_LOG_ERROR, "port %s does not open again: %s", port->name,
		       errors != NULL && sl_errors_count(errors) > 0
			       ? sl_errors_get(errors, 0)->text
			       : "no memory");
	sl_errors_free(errors);
}

static void reopen_ports(struct handing *h)
{
	for (unsigned int i = 0; i < h->engine->port_count; i++)
		if (h->engine->ports[i]->parked)
			reopen_port(h->engine->ports[i]);
}

static int stop(struct handing *h)
{
	struct sl_engine *engine = h->engine;
	int err;

	h->paused = true;
	engine->paused = true;
	err = say(h, SL_PAUSED, sl_engine_quiesce(engine), NULL, 0);
	if (err == 0)
		err = sl_engine_pause(engine, h->errors);
	if (err == 0 && !h->shared)
		park_ports(engine);
	return err == 0 ? send_state(h, SL_REST) : err;
}

static void go_on(struct handing *h)
{
	if (!h->paused)
		return;
	reopen_ports(h);
	if (sl_engine_resume(h->engine, h->errors) != 0)
		sl_engine_ask_stop(h->engine);
	h->engine->paused = false;
}

static int hand_over(struct handing *h)
{
	struct sl_hand_over_message message;
	int err = say(h, SL_HELLO, (uint64_t)getpid(), NULL, 0);

	if (err == 0)
		err = expect(h, SL_BEGIN, PREPARE_MS, &message);
	if (err == 0)
		err = send_state(h, SL_ALL);
	if (err == 0)
		err = expect(h, SL_STOP, PREPARE_MS, &message);
	if (err != 0)
		return err;
	h->shared = message.number == 1;
	err = stop(h);
	if (err == 0)
		err = expect(h, SL_READY, OPEN_MS, &message);
	/* From here on it is the other side's, whether it hears this or not. */
	return err == 0 ? say(h, SL_YOURS, 0, NULL, 0) : err;
}

static void tell_failure(struct handing *h)
{
	const char *why =
		sl_errors_count(h->errors) > 0 ? sl_errors_get(h->errors, 0)->text : "no memory";

	sl_log(SL_LOG_WARNING, "hand-over called off, this sluice goes on: %s", why);
	sl_hand_over_send(h->fd, SL_FAILED, 0, why, NULL, 0);
}

bool sl_engine_hand_over(struct sl_engine *engine, int fd, int control)
{
	struct handing h = {
		.engine = engine, .fd = fd, .control = control, .errors = sl_errors_new()};
	bool done;

	if (h.errors == NULL)
		return false;
	sl_log(SL_LOG_INFO, "another sluice asks to take over");
	done = hand_over(&h) == 0;
	if (done) {
		sl_log(SL_LOG_INFO, "another sluice has taken over; this one ends");
		for (unsigned int i = 0; i < engine->port_count; i++)
			engine->ports[i]->left = true;
		engine->handed_over = true;
		sl_engine_ask_stop(engine);
	} else {
		go_on(&h);
		tell_failure(&h);
	}
	sl_errors_free(h.errors);
	return done;
}

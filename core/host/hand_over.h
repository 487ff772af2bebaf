/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A warm restart: a new process takes over from a running one (`sluice run --take-over`). Both talk
 * over a connection to the old one's control socket:
 *
 *	new                             old
 *	                                HELLO     of another protocol: it ends here
 *	BEGIN   all is made that can        ALL       the state, while packets flow
 *	        be made beside
 *	STOP    ALL is well, and taken      PAUSED    its workers poll no more
 *	        in where the ports allow    REST      what changed since; the listening control
 *	                                          socket; ports are closed where they must be
 *	READY   all is made, nothing runs   YOURS     and it ends
 *	        runs from here on
 *
 * Until it has sent YOURS the old one can go on where it was, and does when the connection ends,
 * the new one says FAILED, or does not answer for too long. The new one runs nothing before it has
 * YOURS. So never both forward, and none does only if the new one fails after that.
 */
#ifndef CORE_HOST_HAND_OVER_H
#define CORE_HOST_HAND_OVER_H

#include <core/host/engine.h>

/* What is asked for in HTTP, and the protocol that it is upgraded to. */
#define SL_HAND_OVER_PATH     "/v1/hand-over"
#define SL_HAND_OVER_PROTOCOL "sluice-hand-over"

enum sl_hand_over_kind {
	SL_HELLO = 1,
	SL_BEGIN,
	SL_ALL,
	SL_STOP,
	SL_PAUSED,
	SL_REST,
	SL_READY,
	SL_YOURS,
	SL_FAILED, /* from either: `text` says why */
};

struct sl_hand_over_message {
	uint32_t magic, protocol;
	uint32_t kind;
	/* HELLO: process id; STOP: 1 when the ports can be open in both; PAUSED: TSC */
	uint64_t number;
	char text[488];
};

#define SL_HAND_OVER_FILES 2

/* Up to SL_HAND_OVER_FILES files go with it. 0 or -errno. */
int sl_hand_over_send(int fd, enum sl_hand_over_kind kind, uint64_t number, const char *text,
		      const int *files, unsigned int count);
/* Wait for a message of that kind, and so many files with it; meanwhile call `tend`, if any, about
 * every millisecond; not 0 ends it. 0, or -errno with messages: what came instead is closed. */
struct sl_hand_over_wait {
	enum sl_hand_over_kind kind;
	unsigned int timeout_ms;
	int (*tend)(void *context);
	void *context;
};
int sl_hand_over_receive(int fd, const struct sl_hand_over_wait *wait,
			 struct sl_hand_over_message *message, int *files, unsigned int count,
			 struct sl_errors *errors);

/*
 * The old one: hand over to who has connected. control: the listening control socket, or -1. Takes
 * until it is done or has failed; the engine is tended, and stopped for as long as it must. true:
 * it was handed over; all that is left to do is to end. Main thread.
 */
bool sl_engine_hand_over(struct sl_engine *engine, int fd, int control);

/* The new one. */
struct sl_take_over;
/* connect() makes the connection when it is time; -errno with messages. NULL: out of memory. */
struct sl_take_over *sl_take_over_new(int (*connect)(void *context, struct sl_errors *errors),
				      void *context);
/* From an engine that is opened to one that is built and has its state, and is not launched. The
 * old one has stopped then. 0 or -errno with messages. */
int sl_take_over_state(struct sl_take_over *take, struct sl_engine *engine,
		       struct sl_errors *errors);
/* The control socket that the old one listened at. The caller's from now on. */
int sl_take_over_control(struct sl_take_over *take);
/* The point of no return: 0, and the engine is launched. */
int sl_take_over_finish(struct sl_take_over *take, struct sl_engine *engine,
			struct sl_errors *errors);
/* What was not finished is called off. NULL is allowed. */
void sl_take_over_free(struct sl_take_over *take);

#endif

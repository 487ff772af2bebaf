/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What instances remember, out of this engine and into the next: as a file (`sluice save`, `run
 * --restore`), or straight from one process to the other (`run --take-over`, hand_over.h). Main
 * thread.
 */
#ifndef CORE_HOST_SAVE_H
#define CORE_HOST_SAVE_H

#include <core/host/engine.h>
#include <core/saved/saved.h>

/*
 * Write the state of all instances to fd, while workers go on: each is asked for some records at a
 * time, between two bursts, and the engine is tended meanwhile. Each record is true by itself, at
 * some moment of the call; what begins behind the visit's back is not in it. changed: only what
 * did so since it was last written. 0, or -errno with messages.
 */
int sl_engine_save(struct sl_engine *engine, int fd, bool changed, struct sl_errors *errors);
/* The same into memory; returns a file that nobody can change any more, or -errno with messages. */
int sl_engine_save_memory(struct sl_engine *engine, bool changed, struct sl_errors *errors);

/*
 * Give an engine that was made but does not run yet what was saved. What cannot be taken is
 * counted in engine->restored and told in the log: an instance of that name and type may not be
 * there, or know less than what wrote its state. 0; or -errno with messages, when the reading
 * failed half-way: then the engine must not run.
 */
int sl_engine_restore(struct sl_engine *engine, const struct sl_saved *saved,
		      struct sl_errors *errors);

#endif

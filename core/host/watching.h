/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures and traces of a running engine: what core/graph/watch.h does in a graph, for all workers
 * and over generations. Main thread.
 */
#ifndef CORE_HOST_WATCHING_H
#define CORE_HOST_WATCHING_H

#include <core/graph/watch.h>
#include <core/host/engine.h>

/* Room for records, a worker. */
#define SL_WATCHING_BYTES (4u << 20)

struct sl_watching;

struct sl_watching_conf {
	bool traces;
	struct bpf_insn *filter; /* NULL: every packet */
	uint32_t snap;           /* most bytes of a packet */
	uint32_t limit;          /* trace: most packets */
	/*
	 * Where, as texts. A capture:
	 *  PORT          what it received and sent       PORT:rx, PORT:tx   one of them
	 *  HOP           what comes to the hop ("web/fw>"; `sluice show nodes` lists them)
	 *  HOP:EDGE      what leaves it by the edge      HOP:out            by any
	 *  drops         what any hop drops              drops:REASON
	 * None: all ports. A trace: PORT, where packets begin; none: all ports.
	 */
	const char *const *points;
	unsigned int point_count;
};

/* Begin to look. Takes the filter over, in any case. NULL with messages. */
struct sl_watching *sl_watching_begin(struct sl_engine *engine, const struct sl_watching_conf *conf,
				      struct sl_errors *errors);
/* End it, and free it. */
void sl_watching_end(struct sl_watching *watching);

/* The oldest record of all workers; NULL: none. It stays until sl_watching_done(). */
const struct sl_watch_record *sl_watching_next(struct sl_watching *watching);
/* Of the record that sl_watching_next() gave: its worker. */
unsigned int sl_watching_worker(const struct sl_watching *watching);
void sl_watching_done(struct sl_watching *watching);
/* Whether there is one. */
bool sl_watching_ready(struct sl_watching *watching);
/* Packets that found no room. */
uint64_t sl_watching_lost(const struct sl_watching *watching);
/* Trace: packets that were chosen so far. */
uint32_t sl_watching_chosen(const struct sl_watching *watching);
/* A text of a record. */
const char *sl_watching_text(const struct sl_watching *watching, uint32_t number);
/* How many there are. */
uint32_t sl_watching_text_count(const struct sl_watching *watching);

/* Captures and traces that run. */
unsigned int sl_watching_count(const struct sl_engine *engine);

/* A graph of a generation that is being made: it is looked at from its first packet on. */
int sl_watching_join(struct sl_engine *engine, const struct sl_generation *generation,
		     const struct sl_chain *chain, unsigned int worker);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What an instance remembers (sessions, mappings, learned addresses), carried to other code: to a
 * newer plugin (`sluice plugin reload`), to another process (`sluice save`, `run --restore`).
 * There are two ways, and a node type may have both, one or none. Without any, its sessions are
 * lost when its plugin is reloaded.
 *
 * **Hand-over in place.** The type says a `layout`: a number of its own choosing that stands for
 * the meaning of every byte which its instances keep in their memory (sl_instance_data(),
 * node->state, what they allocated) or give to the engine (handles of sl_trail_session(), data of
 * events), and for how spread() chooses workers. A plugin that is loaded anew and says the same
 * layout for the type takes over the instances as they are: nothing is copied, and a worker goes
 * over to the new code between two packets, as it does to a new chain. While that happens, some
 * workers run the new code and some the old, on the memory of the same instance.
 *
 * What must not be taken over is a pointer into the old plugin: to its functions, its constants,
 * its configuration. adopt() replaces those. Change the number whenever a struct, an enum or the
 * meaning of a field changes; when in doubt, change it: the other way is slower, not wrong.
 *
 * **Export and import.** export_state() writes what the instance remembers as *records*, each a
 * struct of fixed-width integers that says one thing (a session with its mapping, a learned
 * address), and import_state() of other code, of this or a later state_version, takes them. This
 * is used when layouts differ, and for files, so a record has to stand for itself:
 *
 *  - integers are little-endian; addresses and ports in network order, as in packets. No pointers,
 *    no slot numbers, no padding that is not zeroed;
 *  - times are ages in milliseconds (sl_age_ms(), sl_ago()): the clock of the other process is
 *    another one;
 *  - what the configuration names is referred to by that name or by content, not by its place;
 *  - nothing that only this process knows, such as hashes: sl_index_hash() has a random secret.
 *
 * Records are made while packets flow, in *passes*. The first tells everything, and takes as long
 * as it takes. Each further one tells what changed since it was last told, so that what a worker
 * has to do at the very change is little. A node type therefore notes changes: a bit for each slot
 * of a table does (sl_mark(), sl_marked()). What changes with every packet (times of the last
 * packet, counts) is told as it stands then, and is no change; it may be some passes old when the
 * new code begins. The end of something need not be told, if time would end it in the new tables as
 * well.
 */
#ifndef SLUICE_STATE_H
#define SLUICE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of one record. */
#define SL_RECORD_MOST 4096

/** What import_state() says, beside errors. */
enum sl_import {
	SL_IMPORT_TAKEN = 0,
	/** It belongs to another worker of the instance, and nothing was done. For each session
	 * that is the worker to which spread() brings its packets. */
	SL_IMPORT_ELSEWHERE = 1,
	/** It means nothing any more: what it is about is not in the configuration, or belongs to
	 * no worker as there are more or fewer of them now. Nothing was done. */
	SL_IMPORT_VOID = 2,
};

/** One call of export_state(): a slice of a pass. */
struct sl_export {
	/** Where the pass is: 0 in its first call, and after that the type's own. UINT64_MAX, set
	 * by the type, says that the pass is done. */
	uint64_t cursor;
	/** Only what changed since a pass last told it; false: everything. */
	bool changed;

	/* The engine's own. */
	uint8_t *at, *end;
	uint32_t count;
};

/**
 * Room for a record, zeroed, aligned to 8 bytes; to be filled before export_state() returns.
 * @param size  at most SL_RECORD_MOST
 * @return NULL: there is no room in this slice. Leave the cursor where the next slice shall go on.
 */
SL_PUBLIC void *sl_export_record(struct sl_export *out, uint32_t size);

/** The two ends of a session, as the instance sees them. */
struct sl_ends {
	uint8_t family;     /**< enum sl_l3 */
	uint8_t proto;      /**< IP protocol */
	uint8_t inside[16]; /**< address, in network order; of IPv4 the first four bytes */
	uint8_t outside[16];
	rte_be16_t inside_port; /**< or identifier, of ICMP queries, in both; else 0 */
	rte_be16_t outside_port;
};

/**
 * For import_state() of types that have no spread(), and so do not know themselves: whether the
 * session's packets will come to this worker. If not, the answer is SL_IMPORT_ELSEWHERE. True too
 * where nobody can tell, and when state stays with its workers.
 */
SL_PUBLIC bool sl_comes_here(const struct sl_node *node, const struct sl_ends *ends);

/**
 * For adopt(): whether a configuration says the same as the one that the instance has, parameter by
 * parameter, and is of the same form. params: the type's own table. Main thread.
 */
SL_PUBLIC bool sl_same_config(const struct sl_instance *instance, const struct sl_param *params,
			      const void *config);

/** Age of a time of sl_now(), in milliseconds. */
static inline uint64_t sl_age_ms(const struct sl_node *node, uint64_t when)
{
	uint64_t now = sl_now(node);

	return when < now ? (now - when) / (sl_hz() / 1000) : 0;
}

/** The time that was so many milliseconds ago; never 0. What is older than the clock comes out
 * younger. */
static inline uint64_t sl_ago(const struct sl_node *node, uint64_t age_ms)
{
	uint64_t now = sl_now(node), ms = sl_hz() / 1000;

	return age_ms < now / ms ? now - age_ms * ms : 1;
}

/** Note that the slot changed. bits: one for each slot, in the worker's memory. */
static inline void sl_mark(uint64_t *bits, uint32_t slot)
{
	bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

/** Note that the slot was told, and is to be told again only when it changes. */
static inline void sl_unmark(uint64_t *bits, uint32_t slot)
{
	bits[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/** Words for that many slots. */
static inline uint32_t sl_mark_words(uint32_t slots)
{
	return slots / 64 + (slots % 64 != 0);
}

/** The first slot from `from` on that is marked, or `slots`. */
static inline uint32_t sl_marked(const uint64_t *bits, uint32_t from, uint32_t slots)
{
	for (uint32_t word = from / 64; word < sl_mark_words(slots); word++) {
		uint64_t found = bits[word];

		if (word == from / 64)
			found &= UINT64_MAX << from % 64;
		if (found != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(found);
	}
	return slots;
}

/**
 * The next slot that export_state() has to tell of: in the first pass each, then those that are
 * marked. Worker.
 * @param bits  marks of the slots; NULL: there are none, and each pass tells all slots
 * @param slot  where to look from; becomes the slot to tell, after which look from the next one
 * @param slots how many there are
 * @param most  how many this slice may still look at; counts down
 * @return false: there is none, and *slot is `slots`; or the slice has looked at enough, and the
 *         next one goes on at *slot
 */
static inline bool sl_export_slot(const struct sl_export *out, const uint64_t *bits, uint32_t *slot,
				  uint32_t slots, uint32_t *most)
{
	if (out->changed && bits != NULL && *slot < slots)
		*slot = sl_marked(bits, *slot, slots);
	if (*slot >= slots || *most == 0)
		return false;
	--*most;
	return true;
}

#ifdef __cplusplus
}
#endif
#endif

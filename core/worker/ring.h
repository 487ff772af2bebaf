/* SPDX-License-Identifier: BSD-3-Clause */
/* The kind of ring that several threads write and one reads. */
#ifndef CORE_WORKER_RING_H
#define CORE_WORKER_RING_H

#include <rte_ring.h>

/* Relaxed tail sync: a sender that the kernel suspends half-way does not make the others spin.
 * It mixes atomics of two sizes at one place, which ThreadSanitizer cannot follow. */
#ifdef SL_SANITIZED
#define SL_RING_TO_ONE RING_F_SC_DEQ
#else
#define SL_RING_TO_ONE (RING_F_MP_RTS_ENQ | RING_F_SC_DEQ)
#endif

/* How many wait, as rte_ring_count(), whose plain reads ThreadSanitizer takes for a race. */
static inline uint32_t sl_ring_count(const struct rte_ring *ring)
{
	uint32_t out = __atomic_load_n(&ring->cons.tail, __ATOMIC_ACQUIRE);

	return (__atomic_load_n(&ring->prod.tail, __ATOMIC_ACQUIRE) - out) & ring->mask;
}

#endif

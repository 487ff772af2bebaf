/* SPDX-License-Identifier: BSD-3-Clause */
/* Wall clock time of moments that are told by the time stamp counter. */
#ifndef CORE_CONTROL_CLOCK_H
#define CORE_CONTROL_CLOCK_H

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

struct sl_clock {
	uint64_t tsc; /* of `stamp`; 0: not read yet */
	uint64_t stamp;
};

/* Read both; again once a second, as the two go their own ways. */
static inline void sl_clock_read(struct sl_clock *clock)
{
	uint64_t now = rte_rdtsc();
	struct timespec wall;

	if (clock->tsc != 0 && now - clock->tsc < rte_get_tsc_hz())
		return;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock->tsc = now;
	clock->stamp = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec;
}

/* Nanoseconds since 1970. */
static inline uint64_t sl_clock_stamp(const struct sl_clock *clock, uint64_t tsc)
{
	double ns = 1e9 / (double)rte_get_tsc_hz() * (double)(int64_t)(tsc - clock->tsc);

	return clock->stamp + (uint64_t)(int64_t)ns;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log-linear histogram: eight buckets of equal width between each power of two and the next, so
 * that what is read from it is within an eighth of the truth, whatever the order of magnitude.
 * One thread writes, others may read meanwhile.
 *
 * The bucket of a value is found in the bits of a float: sign and exponent, then the first three
 * bits of the fraction.
 */
#ifndef CORE_GRAPH_HISTOGRAM_H
#define CORE_GRAPH_HISTOGRAM_H

#include <string.h>

#include <sluice/node.h>

#define SL_HISTOGRAM_SHIFT   3 /* 2^3 buckets an octave */
#define SL_HISTOGRAM_OCTAVES 24
#define SL_HISTOGRAM_BUCKETS (SL_HISTOGRAM_OCTAVES << SL_HISTOGRAM_SHIFT)

/* The first bucket holds all that is less than 1 1/8, the last all from 15/16 * 2^24 up. */
struct sl_histogram {
	uint64_t max; /* rounded to the nearest */
	uint64_t sum; /* of value * weight */
	uint64_t buckets[SL_HISTOGRAM_BUCKETS];
};

static inline unsigned int sl_histogram_bucket(float value)
{
	int32_t bits, bucket;

	memcpy(&bits, &value, sizeof(bits));
	bucket = (bits >> (23 - SL_HISTOGRAM_SHIFT)) - (127 << SL_HISTOGRAM_SHIFT);
	if (bucket < 0)
		return 0;
	return bucket < SL_HISTOGRAM_BUCKETS ? (unsigned int)bucket : SL_HISTOGRAM_BUCKETS - 1;
}

/* Count a value `weight` times; total: what they come to together. The value is not negative. */
static inline void sl_histogram_add(struct sl_histogram *histogram, float value, uint64_t weight,
				    uint64_t total)
{
	uint64_t whole = (uint64_t)(value + 0.5f);

	if (whole > histogram->max)
		__atomic_store_n(&histogram->max, whole, __ATOMIC_RELAXED);
	sl_tally(&histogram->sum, total);
	sl_tally(&histogram->buckets[sl_histogram_bucket(value)], weight);
}

/* Add one to another, which nobody else writes; `from` may change meanwhile. */
void sl_histogram_merge(struct sl_histogram *into, const struct sl_histogram *from);
uint64_t sl_histogram_count(const struct sl_histogram *histogram);
/* The least value of the next bucket: what is in this one is less. */
double sl_histogram_bound(unsigned int bucket);
/* The value that a part (0 to 1) of those counted do not exceed; 0 when there are none. */
double sl_histogram_quantile(const struct sl_histogram *histogram, double part);

#endif

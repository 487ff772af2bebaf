/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/graph/histogram.h>

void sl_histogram_merge(struct sl_histogram *into, const struct sl_histogram *from)
{
	uint64_t max = sl_tally_read(&from->max);

	if (max > into->max)
		into->max = max;
	into->sum += sl_tally_read(&from->sum);
	for (unsigned int i = 0; i < SL_HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += sl_tally_read(&from->buckets[i]);
}

uint64_t sl_histogram_count(const struct sl_histogram *histogram)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < SL_HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[i];
	return count;
}

double sl_histogram_bound(unsigned int bucket)
{
	unsigned int next = bucket + 1, each = 1u << SL_HISTOGRAM_SHIFT;

	return (double)(UINT64_C(1) << next / each) * (1 + (double)(next % each) / each);
}

double sl_histogram_quantile(const struct sl_histogram *histogram, double part)
{
	double rank = part * (double)sl_histogram_count(histogram), below = 0;

	for (unsigned int i = 0; i < SL_HISTOGRAM_BUCKETS; i++) {
		double in = (double)histogram->buckets[i];
		double low = i > 0 ? sl_histogram_bound(i - 1) : 0;
		double value;

		if (in == 0 || below + in < rank) {
			below += in;
			continue;
		}
		/* As if those in the bucket were spread evenly over it. */
		value = low + (sl_histogram_bound(i) - low) * (rank - below) / in;
		return value < (double)histogram->max ? value : (double)histogram->max;
	}
	return 0;
}

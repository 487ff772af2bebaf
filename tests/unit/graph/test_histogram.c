/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms: buckets, what is read from them, sums; latency between ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include <core/graph/latency.h>

/* Every value lies below the bound of its bucket and not below that of the one before. */
static void finds_buckets(void **state)
{
	for (double value = 1.125; value < 16e6; value *= 1.01) {
		unsigned int bucket = sl_histogram_bucket((float)value);

		assert_true((float)value < (float)sl_histogram_bound(bucket));
		assert_true((float)value >= (float)sl_histogram_bound(bucket - 1));
	}
	assert_int_equal(sl_histogram_bucket(0), 0);
	assert_int_equal(sl_histogram_bucket(0.5f), 0);
	assert_int_equal(sl_histogram_bucket(1), 0);
	assert_int_equal(sl_histogram_bucket(1.125f), 1);
	assert_int_equal(sl_histogram_bucket(2), 8);
	assert_int_equal(sl_histogram_bucket(1e30f), SL_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(sl_histogram_bucket(INFINITY), SL_HISTOGRAM_BUCKETS - 1);
	assert_true(sl_histogram_bound(SL_HISTOGRAM_BUCKETS - 1) == 16777216.0);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What is read is within an eighth of what sorting says. */
static void reads_quantiles(void **state)
{
	static const double parts[] = {0.01, 0.5, 0.9, 0.99, 0.999};
	static double values[10000];
	static struct sl_histogram histogram;
	uint64_t sum = 0;
	const unsigned int n = sizeof(values) / sizeof(values[0]);

	srand(1);
	for (unsigned int i = 0; i < n; i++) {
		values[i] = floor(10 * exp(7.0 * rand() / RAND_MAX));
		sl_histogram_add(&histogram, (float)values[i], 1, (uint64_t)values[i]);
		sum += (uint64_t)values[i];
	}
	qsort(values, n, sizeof(values[0]), ascending);
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double right = values[(unsigned int)(parts[i] * n)];
		double read = sl_histogram_quantile(&histogram, parts[i]);

		assert_true(fabs(read - right) <= right / 8);
	}
	assert_int_equal(sl_histogram_count(&histogram), n);
	assert_int_equal(histogram.sum, sum);
	assert_int_equal(histogram.max, (uint64_t)values[n - 1]);
	assert_true(sl_histogram_quantile(&histogram, 1) == values[n - 1]);
}

static void knows_nothing(void **state)
{
	static struct sl_histogram histogram;

	assert_true(sl_histogram_quantile(&histogram, 0.5) == 0);
	assert_int_equal(sl_histogram_count(&histogram), 0);
}

/* A call with 60 packets counts as often as 60 with one. */
static void weighs(void **state)
{
	static struct sl_histogram histogram, sum;

	sl_histogram_add(&histogram, 100, 90, 9000);
	sl_histogram_add(&histogram, 5000, 10, 50000);
	assert_true(fabs(sl_histogram_quantile(&histogram, 0.5) - 100) < 13);
	assert_true(fabs(sl_histogram_quantile(&histogram, 0.95) - 5000) < 600);
	sl_histogram_merge(&sum, &histogram);
	sl_histogram_merge(&sum, &histogram);
	assert_int_equal(sl_histogram_count(&sum), 200);
	assert_int_equal(sum.sum, 118000);
	assert_int_equal(sum.max, 5000);
}

static struct rte_mbuf *packet(uint16_t port, bool timed, uint32_t before)
{
	struct rte_mbuf *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	sl_packet(m)->port = port;
	sl_packet(m)->flags = timed ? SL_PKT_TIMED : 0;
	*sl_arrival(m) = (uint32_t)(rte_rdtsc() >> SL_ARRIVAL_SHIFT) - before;
	return m;
}

static uint64_t count_pair(const struct sl_latency *latency, uint16_t in, uint16_t out)
{
	const struct sl_latency_pair *pair;
	uint64_t count = 0;

	for (unsigned int i = 0; (pair = sl_latency_pair(latency, i)) != NULL; i++)
		if (pair->in == in && pair->out == out)
			count += sl_histogram_count(&pair->histogram);
	return count;
}

/* Each pair of ports by itself as long as there is room, the others together. */
static void keeps_pairs(void **state)
{
	struct sl_latency *latency = sl_latency_new(2);
	struct rte_mbuf *pkts[] = {packet(0, true, 1000000), packet(1, true, 1000000),
				   packet(2, true, 1000000), packet(3, true, 1000000),
				   packet(0, false, 0),      packet(0, true, 1000000)};
	const struct sl_latency_pair *pair;

	assert_non_null(latency);
	assert_null(sl_latency_pair(latency, 0));
	sl_latency_leave(latency, 7, pkts, 6);
	assert_int_equal(count_pair(latency, 0, 7), 2);
	assert_int_equal(count_pair(latency, 1, 7), 1);
	assert_int_equal(count_pair(latency, SL_PAIR_OTHERS, SL_PAIR_OTHERS), 2);
	sl_latency_leave(latency, 8, pkts, 6);
	assert_int_equal(count_pair(latency, SL_PAIR_OTHERS, SL_PAIR_OTHERS), 7);
	pair = sl_latency_pair(latency, 0);
	assert_non_null(pair);
	assert_true(pair->histogram.max >= 1000000);
	/* Without room for any, as in a graph that nobody wants it of. */
	sl_latency_leave(NULL, 7, pkts, 6);
	for (unsigned int i = 0; i < 6; i++)
		free(pkts[i]);
	sl_latency_free(latency);
}

/* A clock that is a little behind that of the core where the packet came in. */
static void forgives_clocks(void **state)
{
	struct sl_latency *latency = sl_latency_new(1);
	struct rte_mbuf *m = packet(0, true, (uint32_t)-100000);

	*sl_arrival(m) = (uint32_t)(rte_rdtsc() >> SL_ARRIVAL_SHIFT) + 500;
	sl_latency_leave(latency, 0, &m, 1);
	assert_int_equal(sl_latency_pair(latency, 0)->histogram.buckets[0], 1);
	free(m);
	sl_latency_free(latency);
}

/* One packet of about one burst in 32, each as likely as another. */
static void samples(void **state)
{
	struct sl_sampler sampler = {0};
	struct rte_mbuf *pkts[8];
	unsigned int marked[8] = {0}, total = 0;

	for (unsigned int i = 0; i < 8; i++)
		pkts[i] = packet(0, false, 0);
	for (unsigned int burst = 0; burst < 64000; burst++) {
		if (sampler.left-- != 0)
			continue;
		sl_sampler_mark(&sampler, pkts, 8);
		for (unsigned int i = 0; i < 8; i++) {
			marked[i] += (sl_packet(pkts[i])->flags & SL_PKT_TIMED) != 0;
			sl_packet(pkts[i])->flags = 0;
		}
	}
	for (unsigned int i = 0; i < 8; i++) {
		total += marked[i];
		assert_in_range(marked[i], 150, 350);
		free(pkts[i]);
	}
	assert_in_range(total, 1700, 2300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_buckets), cmocka_unit_test(reads_quantiles),
		cmocka_unit_test(knows_nothing), cmocka_unit_test(weighs),
		cmocka_unit_test(keeps_pairs),   cmocka_unit_test(forgives_clocks),
		cmocka_unit_test(samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

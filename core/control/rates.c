/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <core/control/rates.h>

/* A member of an object, "rx.packets" of one in it. 0: it is not there. */
static double number(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char first[32];

	if (dot == NULL)
		return json_number_value(json_object_get(object, path));
	if ((size_t)(dot - path) >= sizeof(first))
		return 0;
	memcpy(first, path, (size_t)(dot - path));
	first[dot - path] = '\0';
	return json_number_value(json_object_get(json_object_get(object, first), dot + 1));
}

/* Counters of a hop or port that was replaced begin anew. */
static double grown(const json_t *before, const json_t *now, const char *path)
{
	double was = number(before, path), is = number(now, path);

	return is >= was ? is - was : is;
}

static void put(json_t *object, const char *key, double value)
{
	/* Four digits behind the point are enough for eyes and scripts. */
	json_object_set_new(object, key, json_real((double)(int64_t)(value * 1e4 + 0.5) / 1e4));
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* The element of a list whose member has that value; NULL: there is none. */
static const json_t *find(const json_t *list, const char *key, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_equal(json_object_get(item, key), value))
			return item;
	return NULL;
}

static json_t *workers(const json_t *before, const json_t *now, double seconds)
{
	const json_t *old = json_object_get(before, "workers");
	json_t *list = json_array(), *worker;
	size_t i;

	json_array_foreach (json_object_get(now, "workers"), i, worker) {
		const json_t *was = find(old, "worker", json_object_get(worker, "worker"));
		double busy = grown(was, worker, "busy_cycles");
		double idle = grown(was, worker, "idle_cycles");
		json_t *row = json_object();

		json_object_set(row, "worker", json_object_get(worker, "worker"));
		json_object_set(row, "core", json_object_get(worker, "core"));
		put(row, "busy_percent", 100 * ratio(busy, busy + idle));
		put(row, "rx_mpps", grown(was, worker, "rx") / seconds / 1e6);
		put(row, "sleeps_per_second", grown(was, worker, "sleeps") / seconds);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *ports(const json_t *before, const json_t *now, double seconds)
{
	const json_t *old = json_object_get(before, "ports");
	json_t *list = json_array(), *port;
	size_t i;

	json_array_foreach (json_object_get(now, "ports"), i, port) {
		const json_t *was = find(old, "name", json_object_get(port, "name"));
		json_t *row = json_object();

		json_object_set(row, "name", json_object_get(port, "name"));
		put(row, "rx_mpps", grown(was, port, "rx.packets") / seconds / 1e6);
		put(row, "rx_gbps", grown(was, port, "rx.bytes") / seconds * 8 / 1e9);
		put(row, "tx_mpps", grown(was, port, "tx.packets") / seconds / 1e6);
		put(row, "tx_gbps", grown(was, port, "tx.bytes") / seconds * 8 / 1e9);
		put(row, "drops_per_second",
		    (grown(was, port, "rx.dropped") + grown(was, port, "tx.dropped")) / seconds);
		json_array_append_new(list, row);
	}
	return list;
}

static int by_key(const void *a, const void *b, const char *key)
{
	double left = number(*(json_t *const *)a, key), right = number(*(json_t *const *)b, key);

	return left < right ? 1 : left > right ? -1 : 0;
}

static int by_load(const void *a, const void *b)
{
	return by_key(a, b, "load_percent");
}

static int by_rate(const void *a, const void *b)
{
	int order = by_key(a, b, "per_second");

	return order != 0 ? order : by_key(a, b, "total");
}

/* The greatest first. */
static json_t *sorted(json_t *list, int (*compare)(const void *, const void *))
{
	size_t count = json_array_size(list);
	json_t **items = calloc(count + 1, sizeof(*items)), *result;

	if (items == NULL)
		return list;
	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(list, i);
	qsort(items, count, sizeof(json_t *), compare);
	result = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append(result, items[i]);
	free(items);
	json_decref(list);
	return result;
}

/* Cycles that all workers had. */
static double all_cycles(const json_t *before, const json_t *now)
{
	const json_t *old = json_object_get(before, "workers");
	json_t *worker;
	double sum = 0;
	size_t i;

	json_array_foreach (json_object_get(now, "workers"), i, worker) {
		const json_t *was = find(old, "worker", json_object_get(worker, "worker"));

		sum += grown(was, worker, "busy_cycles") + grown(was, worker, "idle_cycles");
	}
	return sum;
}

static json_t *hops(const json_t *before, const json_t *now, double seconds)
{
	const json_t *old = json_object_get(before, "hops");
	double whole = all_cycles(before, now);
	json_t *list = json_array(), *hop;
	size_t i;

	json_array_foreach (json_object_get(now, "hops"), i, hop) {
		const json_t *was = find(old, "name", json_object_get(hop, "name"));
		double packets = grown(was, hop, "packets"), cycles = grown(was, hop, "cycles");
		double drops = grown(was, hop, "dropped");
		json_t *row;

		if (packets == 0 && drops == 0)
			continue;
		row = json_object();
		json_object_set(row, "name", json_object_get(hop, "name"));
		json_object_set(row, "type", json_object_get(hop, "type"));
		put(row, "mpps", packets / seconds / 1e6);
		put(row, "cycles_per_packet", ratio(cycles, packets));
		put(row, "packets_per_call", ratio(packets, grown(was, hop, "calls")));
		put(row, "load_percent", 100 * ratio(cycles, whole));
		put(row, "drops_per_second", drops / seconds);
		json_array_append_new(list, row);
	}
	return sorted(list, by_load);
}

static json_t *drops(const json_t *before, const json_t *now, double seconds)
{
	json_t *list = json_array(), *count;
	const char *reason;

	json_object_foreach (json_object_get(now, "drops"), reason, count) {
		double was = number(json_object_get(before, "drops"), reason);
		double is = json_number_value(count);
		json_t *row = json_object();

		json_object_set_new(row, "reason", json_string(reason));
		put(row, "per_second", (is >= was ? is - was : is) / seconds);
		json_object_set(row, "total", count);
		json_array_append_new(list, row);
	}
	return sorted(list, by_rate);
}

/* Of the packets that came where flows are looked up, those that took their flow's action. */
static double fused_percent(const json_t *before, const json_t *now)
{
	const json_t *old = json_object_get(json_object_get(before, "fusion"), "workers");
	double hits = 0, others = 0;
	json_t *worker;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(now, "fusion"), "workers"), i, worker) {
		const json_t *was = find(old, "worker", json_object_get(worker, "worker"));

		hits += grown(was, worker, "hits");
		others += grown(was, worker, "walked") + grown(was, worker, "misses") +
			  grown(was, worker, "unfit");
	}
	return 100 * ratio(hits, hits + others);
}

json_t *sl_rates(const json_t *before, const json_t *now)
{
	double seconds = number(now, "seconds") - number(before, "seconds");
	json_t *rates = json_object();

	if (seconds <= 0) /* another sluice, say */
		seconds = number(now, "seconds");
	if (seconds <= 0)
		seconds = 1;
	json_object_set(rates, "version", json_object_get(now, "version"));
	json_object_set(rates, "chain", json_object_get(now, "chain"));
	json_object_set(rates, "generation", json_object_get(now, "generation"));
	put(rates, "up", number(now, "seconds"));
	put(rates, "seconds", seconds);
	put(rates, "rx_mpps", grown(before, now, "totals.rx") / seconds / 1e6);
	put(rates, "tx_mpps", grown(before, now, "totals.tx") / seconds / 1e6);
	put(rates, "drops_mpps", grown(before, now, "totals.drops") / seconds / 1e6);
	put(rates, "held", number(now, "totals.held"));
	put(rates, "fused_percent", fused_percent(before, now));
	json_object_set_new(rates, "workers", workers(before, now, seconds));
	json_object_set_new(rates, "ports", ports(before, now, seconds));
	json_object_set_new(rates, "hops", hops(before, now, seconds));
	json_object_set_new(rates, "drops", drops(before, now, seconds));
	return rates;
}

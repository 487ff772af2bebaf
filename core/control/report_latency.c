/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include <core/control/report.h>
#include <core/host/timing.h>
#include <core/plugin/json.h>

/* As precise as the histogram is worth. */
static json_t *rounded(double value)
{
	return value < 10 ? json_real(round(value * 100) / 100)
			  : json_integer((json_int_t)(value + 0.5));
}

/* scale: from the histogram's unit to the one that is shown. */
static void put_quantiles(json_t *object, const struct sl_histogram *histogram, double scale)
{
	static const struct {
		const char *name;
		double part;
	} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
	uint64_t count = sl_histogram_count(histogram);

	json_object_set_new(
		object, "mean",
		rounded(count != 0 ? scale * (double)histogram->sum / (double)count : 0));
	for (unsigned int i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		json_object_set_new(
			object, quantiles[i].name,
			rounded(scale * sl_histogram_quantile(histogram, quantiles[i].part)));
	json_object_set_new(object, "max", rounded(scale * (double)histogram->max));
}

static json_t *pairs(const struct sl_generation *generation)
{
	unsigned int count;
	struct sl_pair_timing *timings = sl_timing_pairs(generation, &count);
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++) {
		const struct sl_pair_timing *pair = &timings[i];
		json_t *object = json_object();

		sl_json_text(sl_json_from(object), "in", pair->in != NULL ? pair->in : "other");
		sl_json_text(sl_json_from(object), "out", pair->out != NULL ? pair->out : "other");
		json_object_set_new(object, "samples",
				    json_integer((json_int_t)sl_histogram_count(&pair->histogram)));
		put_quantiles(object, &pair->histogram, sl_timing_unit() * 1e9);
		json_array_append_new(list, object);
	}
	free(timings);
	return list;
}

static json_t *hops(const struct sl_generation *generation)
{
	json_t *list = json_array();

	for (unsigned int h = 0; h < generation->plan->hop_count; h++) {
		struct sl_histogram sum = {0};
		json_t *object;

		sl_timing_hop(generation, h, &sum);
		if (sl_histogram_count(&sum) == 0)
			continue;
		object = json_object();
		sl_json_text(sl_json_from(object), "name", generation->plan->hops[h].name);
		sl_json_text(sl_json_from(object), "type",
			     generation->hops[h].instance->type->name);
		json_object_set_new(object, "packets",
				    json_integer((json_int_t)sl_histogram_count(&sum)));
		put_quantiles(object, &sum, 1);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_latency(const struct sl_engine *engine)
{
	return json_pack("{s:o, s:o}", "ports", pairs(engine->generation), "hops",
			 hops(engine->generation));
}

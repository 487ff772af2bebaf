/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/control/exposition.h>
#include <core/control/metrics.h>
#include <core/control/report.h>
#include <core/host/timing.h>

/* A value of a row: "rx.packets". */
static const json_t *at(const json_t *row, const char *path)
{
	char key[64];

	while (row != NULL) {
		size_t length = strcspn(path, ".");

		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		row = json_object_get(row, key);
		if (path[length] == '\0')
			return row;
		path += length + 1;
	}
	return NULL;
}

struct labels {
	struct sl_label list[SL_METRIC_LABELS];
	char numbers[SL_METRIC_LABELS][24];
	unsigned int count;
	struct sl_label *member; /* that which names the member */
};

static void read_labels(struct labels *labels, const struct sl_metric *metric, const json_t *row)
{
	*labels = (struct labels){.count = 0};
	for (unsigned int i = 0; i < SL_METRIC_LABELS && metric->labels[i].name != NULL; i++) {
		struct sl_label *label = &labels->list[labels->count++];
		const json_t *value =
			metric->labels[i].key != NULL ? at(row, metric->labels[i].key) : NULL;

		label->name = metric->labels[i].name;
		if (metric->labels[i].key == NULL)
			labels->member = label;
		label->value = json_is_string(value) ? json_string_value(value) : "";
		if (json_is_integer(value)) {
			snprintf(labels->numbers[i], sizeof(labels->numbers[i]),
				 "%" JSON_INTEGER_FORMAT, json_integer_value(value));
			label->value = labels->numbers[i];
		}
	}
}

static double factor(enum sl_metric_unit unit)
{
	switch (unit) {
	case SL_METRIC_ONE:
		break;
	case SL_METRIC_CYCLES:
		return 1 / (double)rte_get_tsc_hz();
	case SL_METRIC_MICROSECONDS:
		return 1e-6;
	case SL_METRIC_MILLIS:
		return 1e-3;
	}
	return 1;
}

static void put_value(FILE *out, const struct sl_metric *metric, const struct labels *labels,
		      const json_t *value)
{
	if (json_is_integer(value) && metric->unit == SL_METRIC_ONE)
		sl_exposition_count(out, metric->name, labels->list, labels->count,
				    (uint64_t)json_integer_value(value));
	else if (json_is_boolean(value))
		sl_exposition_count(out, metric->name, labels->list, labels->count,
				    json_is_true(value) ? 1 : 0);
	else if (json_is_number(value))
		sl_exposition_sample(out, metric->name, labels->list, labels->count,
				     json_number_value(value) * factor(metric->unit));
}

static void put_row(FILE *out, const struct sl_metric *metric, const json_t *row)
{
	const json_t *value = metric->key != NULL ? at(row, metric->key) : NULL, *member;
	struct labels labels;
	const char *name;

	read_labels(&labels, metric, row);
	if (metric->key == NULL) {
		sl_exposition_count(out, metric->name, labels.list, labels.count, 1);
	} else if (json_is_object(value) && labels.member != NULL) {
		json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
			labels.member->value = name;
			put_value(out, metric, &labels, member);
		}
	} else {
		put_value(out, metric, &labels, value);
	}
}

/* Ends of buckets that do not depend on the machine's clock, so that many machines add up. */
static const double seconds[] = {1e-7, 2.5e-7, 5e-7,   1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5,
				 5e-5, 1e-4,   2.5e-4, 5e-4, 1e-3,   1e-2, 1e-1};
static const double cycles[] = {4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536};

static void put_pair_times(FILE *out, const struct sl_metric *metric,
			   const struct sl_generation *generation)
{
	unsigned int count;
	struct sl_pair_timing *pairs = sl_timing_pairs(generation, &count);

	for (unsigned int i = 0; i < count; i++) {
		const struct sl_label labels[] = {
			{metric->labels[0].name, pairs[i].in != NULL ? pairs[i].in : "other"},
			{metric->labels[1].name, pairs[i].out != NULL ? pairs[i].out : "other"},
		};

		sl_exposition_histogram(out, metric->name, labels, RTE_DIM(labels),
					&pairs[i].histogram, sl_timing_unit(), seconds,
					RTE_DIM(seconds));
	}
	free(pairs);
}

static void put_hop_times(FILE *out, const struct sl_metric *metric,
			  const struct sl_generation *generation, const json_t *hops)
{
	for (unsigned int h = 0; h < generation->plan->hop_count; h++) {
		struct sl_histogram sum = {0};
		struct labels labels;

		read_labels(&labels, metric, json_array_get(hops, h));
		sl_timing_hop(generation, h, &sum);
		sl_exposition_histogram(out, metric->name, labels.list, labels.count, &sum, 1,
					cycles, RTE_DIM(cycles));
	}
}

static json_t *one_row(json_t *row)
{
	return json_pack("[o]", row);
}

static void take(json_t **views, const struct sl_engine *engine, const struct sl_snapshot *s)
{
	json_t *fusion = sl_report_fusion(engine);

	views[SL_METRIC_STATUS] = one_row(sl_report_status(engine, s));
	views[SL_METRIC_DROPS] =
		one_row(json_pack("{s:o}", "drops", sl_report_all_drops(engine, s)));
	views[SL_METRIC_PORTS] = sl_report_ports(engine, s);
	views[SL_METRIC_HOPS] = sl_report_nodes(engine, s);
	views[SL_METRIC_VNFS] = sl_report_vnfs(engine);
	views[SL_METRIC_WORKERS] = sl_report_workers(engine);
	views[SL_METRIC_FUSION] = json_incref(json_object_get(fusion, "workers"));
	views[SL_METRIC_MEMORY] = sl_report_memory(engine);
	json_decref(fusion);
}

static void put_all(FILE *out, const struct sl_engine *engine, json_t *const *views)
{
	for (const struct sl_metric *metric = sl_metrics; metric->name != NULL; metric++) {
		json_t *row;
		size_t i;

		sl_exposition_family(out, metric->name, metric->type, metric->help);
		if (metric->view == SL_METRIC_PAIR_TIMES)
			put_pair_times(out, metric, engine->generation);
		else if (metric->view == SL_METRIC_HOP_TIMES)
			put_hop_times(out, metric, engine->generation, views[SL_METRIC_HOPS]);
		else
			json_array_foreach (views[metric->view], i, row)
				put_row(out, metric, row);
	}
}

char *sl_metrics_text(const struct sl_engine *engine, size_t *size)
{
	struct sl_snapshot *snapshot = sl_snapshot_take(engine);
	json_t *views[SL_METRIC_VIEWS] = {NULL};
	char *text = NULL;
	FILE *out = snapshot != NULL ? open_memstream(&text, size) : NULL;
	bool whole;

	if (out != NULL) {
		take(views, engine, snapshot);
		put_all(out, engine, views);
		whole = ferror(out) == 0;
		if (fclose(out) != 0 || !whole) {
			free(text);
			text = NULL;
		}
	}
	for (unsigned int i = 0; i < SL_METRIC_VIEWS; i++)
		json_decref(views[i]);
	sl_snapshot_free(snapshot);
	return text;
}

json_t *sl_metrics_list(void)
{
	json_t *list = json_array();

	for (const struct sl_metric *metric = sl_metrics; metric->name != NULL; metric++) {
		json_t *labels = json_array();

		for (unsigned int i = 0; i < SL_METRIC_LABELS && metric->labels[i].name; i++)
			json_array_append_new(labels, json_string(metric->labels[i].name));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s}", "name", metric->name,
						      "type", metric->type, "labels", labels,
						      "help", metric->help));
	}
	return list;
}

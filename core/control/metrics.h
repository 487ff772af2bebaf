/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metrics that Prometheus scrapes. One table says what there is; the values are those that
 * `sluice show` tells, taken from the same reports.
 */
#ifndef CORE_CONTROL_METRICS_H
#define CORE_CONTROL_METRICS_H

#include <jansson.h>

#include <core/host/engine.h>

/* The report that a family's samples are rows of. */
enum sl_metric_view {
	SL_METRIC_STATUS, /* one row */
	SL_METRIC_DROPS,  /* one row */
	SL_METRIC_PORTS,
	SL_METRIC_HOPS,
	SL_METRIC_VNFS,
	SL_METRIC_WORKERS,
	SL_METRIC_FUSION,
	SL_METRIC_MEMORY,
	SL_METRIC_VIEWS,
	/* Histograms, which are no reports. */
	SL_METRIC_PAIR_TIMES = SL_METRIC_VIEWS,
	SL_METRIC_HOP_TIMES,
};

/* What one of a report's number is in the metric's unit. */
enum sl_metric_unit { SL_METRIC_ONE, SL_METRIC_CYCLES, SL_METRIC_MICROSECONDS, SL_METRIC_MILLIS };

#define SL_METRIC_LABELS 4

struct sl_metric {
	const char *name;
	const char *type; /* as the exposition format names it */
	enum sl_metric_view view;
	/* Where in a row the value is ("rx.packets"); rows without it have no sample. NULL: 1. An
	 * object: one sample for each member, whose name is the last label. */
	const char *key;
	enum sl_metric_unit unit;
	struct {
		const char *name;
		const char *key; /* in the row; NULL: name of the member */
	} labels[SL_METRIC_LABELS];
	const char *help; /* one sentence */
};

/* Ended by a NULL name. */
extern const struct sl_metric sl_metrics[];

/* All that there is now; the caller frees it. NULL: no memory, or nothing runs. Main thread. */
char *sl_metrics_text(const struct sl_engine *engine, size_t *size);
/* The table, as a list of objects. */
json_t *sl_metrics_list(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prometheus' text exposition format, version 0.0.4: families of samples, each with its help and
 * type, names and labels that need no looking at any more.
 */
#ifndef CORE_CONTROL_EXPOSITION_H
#define CORE_CONTROL_EXPOSITION_H

#include <stdio.h>

#include <core/graph/histogram.h>

#define SL_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* value NULL: there is no such label. */
struct sl_label {
	const char *name, *value;
};

/* type: "counter", "gauge" or "histogram". */
void sl_exposition_family(FILE *out, const char *name, const char *type, const char *help);
void sl_exposition_sample(FILE *out, const char *name, const struct sl_label *labels,
			  unsigned int count, double value);
/* The same of a counter, exactly. */
void sl_exposition_count(FILE *out, const char *name, const struct sl_label *labels,
			 unsigned int count, uint64_t value);
/*
 * bounds: upper ends of the cumulative buckets, ascending; "+Inf" is added. scale: from the
 * histogram's unit to theirs. A bucket of the histogram that lies across an end is counted where
 * its middle lies.
 */
void sl_exposition_histogram(FILE *out, const char *name, const struct sl_label *labels,
			     unsigned int count, const struct sl_histogram *histogram, double scale,
			     const double *bounds, unsigned int bound_count);

#endif

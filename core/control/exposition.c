/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <math.h>

#include <core/control/exposition.h>

/* quotes: of a label's value; a help text has none. */
static void put_escaped(FILE *out, const char *text, bool quotes)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\\\", out);
		else if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' && quotes)
			fputs("\\\"", out);
		else
			fputc(*text, out);
	}
}

void sl_exposition_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s ", name);
	put_escaped(out, help, false);
	fprintf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_label(FILE *out, const struct sl_label *label, unsigned int *put)
{
	if (label->value == NULL)
		return;
	fprintf(out, "%s%s=\"", (*put)++ == 0 ? "{" : ",", label->name);
	put_escaped(out, label->value, true);
	fputc('"', out);
}

/* more: a further one, may be NULL. */
static void put_labels(FILE *out, const struct sl_label *labels, unsigned int count,
		       const struct sl_label *more)
{
	unsigned int put = 0;

	for (unsigned int i = 0; i < count; i++)
		put_label(out, &labels[i], &put);
	if (more != NULL)
		put_label(out, more, &put);
	if (put != 0)
		fputc('}', out);
	fputc(' ', out);
}

/* So that it reads back as the same number; whole ones without exponent where that can be. */
static void put_number(FILE *out, double value)
{
	if (isnan(value))
		fputs("NaN\n", out);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf\n" : "-Inf\n", out);
	else if (value == floor(value) && fabs(value) < 1e15)
		fprintf(out, "%.0f\n", value);
	else
		fprintf(out, "%.12g\n", value);
}

void sl_exposition_sample(FILE *out, const char *name, const struct sl_label *labels,
			  unsigned int count, double value)
{
	fputs(name, out);
	put_labels(out, labels, count, NULL);
	put_number(out, value);
}

void sl_exposition_count(FILE *out, const char *name, const struct sl_label *labels,
			 unsigned int count, uint64_t value)
{
	fputs(name, out);
	put_labels(out, labels, count, NULL);
	fprintf(out, "%" PRIu64 "\n", value);
}

static double middle(unsigned int bucket)
{
	double low = bucket > 0 ? sl_histogram_bound(bucket - 1) : 0;

	return (low + sl_histogram_bound(bucket)) / 2;
}

static void put_bucket(FILE *out, const char *name, const struct sl_label *labels,
		       unsigned int count, const char *bound, uint64_t value)
{
	const struct sl_label le = {"le", bound};

	fprintf(out, "%s_bucket", name);
	put_labels(out, labels, count, &le);
	fprintf(out, "%" PRIu64 "\n", value);
}

void sl_exposition_histogram(FILE *out, const char *name, const struct sl_label *labels,
			     unsigned int count, const struct sl_histogram *histogram, double scale,
			     const double *bounds, unsigned int bound_count)
{
	unsigned int bucket = 0;
	uint64_t sum = 0;
	char bound[32];

	for (unsigned int b = 0; b < bound_count; b++) {
		/* What the last bucket holds may be of any size. */
		while (bucket < SL_HISTOGRAM_BUCKETS - 1 && middle(bucket) * scale <= bounds[b])
			sum += histogram->buckets[bucket++];
		snprintf(bound, sizeof(bound), "%.9g", bounds[b]);
		put_bucket(out, name, labels, count, bound, sum);
	}
	while (bucket < SL_HISTOGRAM_BUCKETS)
		sum += histogram->buckets[bucket++];
	put_bucket(out, name, labels, count, "+Inf", sum);
	fprintf(out, "%s_sum", name);
	put_labels(out, labels, count, NULL);
	put_number(out, (double)histogram->sum * scale);
	fprintf(out, "%s_count", name);
	put_labels(out, labels, count, NULL);
	fprintf(out, "%" PRIu64 "\n", sum);
}

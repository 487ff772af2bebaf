/* SPDX-License-Identifier: BSD-3-Clause */
/* What is measured: metrics as Prometheus reads them, and latency. */
#include <stdlib.h>
#include <string.h>

#include <core/control/api_table.h>
#include <core/control/exposition.h>
#include <core/control/metrics.h>
#include <core/control/report.h>

/* A text on its way. */
struct page {
	char *text;
	size_t size, at;
};

static bool ready(void *context)
{
	return true;
}

static ssize_t read_page(void *context, char *out, size_t room)
{
	struct page *page = context;
	size_t some = page->size - page->at;

	if (some == 0)
		return -1;
	if (some > room)
		some = room;
	memcpy(out, page->text + page->at, some);
	page->at += some;
	return (ssize_t)some;
}

static void close_page(void *context)
{
	struct page *page = context;

	free(page->text);
	free(page);
}

static json_t *metrics(struct sl_api_call *call)
{
	struct page *page;

	if (call->request->source == NULL)
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL,
				   "too many captures, traces and followers already");
	page = calloc(1, sizeof(*page));
	if (page == NULL)
		return NULL;
	page->text = sl_metrics_text(call->engine, &page->size);
	if (page->text == NULL) {
		free(page);
		return NULL;
	}
	*call->request->source = (struct sl_api_source){
		.type = call->operation->type,
		.ready = ready,
		.read = read_page,
		.close = close_page,
		.context = page,
	};
	return NULL;
}

static json_t *latency(struct sl_api_call *call)
{
	return sl_report_latency(call->engine);
}

#define QUANTILES                                                                     \
	{"mean", SL_API_REAL, "Mean", NULL, false},                                   \
		{"p50", SL_API_REAL, "What half of them do not exceed", NULL, false}, \
		{"p90", SL_API_REAL, "What 90 % do not exceed", NULL, false},         \
		{"p99", SL_API_REAL, "What 99 % do not exceed", NULL, false},         \
		{"p999", SL_API_REAL, "What 99.9 % do not exceed", NULL, false},      \
	{                                                                             \
		"max", SL_API_REAL, "The most", NULL, false                           \
	}

static const struct sl_api_member pair_members[] = {
	{"in", SL_API_TEXT, "Port that the packets came in by; other: of all further pairs", NULL,
	 false},
	{"out", SL_API_TEXT, "Port that they left by", NULL, false},
	{"samples", SL_API_NUMBER, "Packets that were measured, in nanoseconds", NULL, false},
	QUANTILES,
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member hop_members[] = {
	{"name", SL_API_TEXT, "The hop", NULL, false},
	{"type", SL_API_TEXT, "Its node type", NULL, false},
	{"packets", SL_API_NUMBER, "Packets of the bursts that were measured, in cycles a packet",
	 NULL, false},
	QUANTILES,
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member latency_members[] = {
	{"ports", SL_API_LIST, "From port to port", pair_members, false},
	{"hops", SL_API_LIST, "In each hop that was measured", hop_members, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_operation sl_api_metrics[] = {
	{
		.method = "GET",
		.path = "/metrics",
		.name = "show-metrics",
		.summary = "All metrics, as Prometheus reads them",
		.role = SL_ROLE_READ,
		.type = SL_EXPOSITION_TYPE,
		.run = metrics,
	},
	{
		.method = "GET",
		.path = "/v1/latency",
		.name = "show-latency",
		.summary = "How long packets are inside, and each hop takes",
		.role = SL_ROLE_READ,
		.answer = latency_members,
		.run = latency,
	},
	{.method = NULL},
};

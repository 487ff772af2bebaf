/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <core/control/show_fault.h>
#include <core/control/show_view.h>
#include <core/control/table.h>
#include <core/control/verb.h>

#define COUNT(array) (unsigned int)(sizeof(array) / sizeof((array)[0]))

static const struct sl_column port_columns[] = {
	{"port", "name"},         {"kind", "kind"},           {"rx", "rx.packets"},
	{"rx-bytes", "rx.bytes"}, {"rx-drops", "rx.dropped"}, {"tx", "tx.packets"},
	{"tx-bytes", "tx.bytes"}, {"tx-drops", "tx.dropped"}, {"mtu", "device.mtu"},
	{"mac", "device.mac"},
};
static const struct sl_column hop_columns[] = {
	{"hop", "name"},        {"packets", "packets"},
	{"bytes", "bytes"},     {"cycles", "cycles_per_packet"},
	{"made", "made"},       {"held", "held"},
	{"dropped", "dropped"}, {"drops", "drops"},
};
static const struct sl_column vnf_columns[] = {
	{"vnf", "name"},      {"plugin", "plugin"},         {"type", "type"},
	{"faults", "faults"}, {"quarantine", "quarantine"}, {"workers", "workers"},
	{"memory", "memory"}, {"limit", "memory_limit"},    {"counters", "counters"},
};
static const struct sl_column plugin_columns[] = {
	{"plugin", "name"},         {"version", "version"}, {"types", "types"},
	{"instances", "instances"}, {"license", "license"}, {"path", "path"},
};
static const struct sl_column worker_columns[] = {
	{"worker", "worker"},
	{"core", "core"},
	{"busy-%", "busy_percent"},
	{"rx", "rx"},
	{"loops", "loops"},
	{"sleeps", "sleeps"},
	{"inbox-in", "inbox_in"},
	{"inbox-full", "inbox_full"},
	{"longest-gap-us", "longest_gap_us"},
	{"switch-gap-us", "switch_gap_us"},
	{"stuck", "stuck"},
};
static const struct sl_column fault_columns[] = {
	{"fault", "number"}, {"time", "time"}, {"vnf", "vnf"}, {"hop", "hop"},
	{"cause", "cause"},  {"call", "call"}, {"at", "at"},   {"packets", "burst"},
};
static const struct sl_column memory_columns[] = {
	{"owner", "owner"}, {"bytes", "bytes"},     {"hugepages", "hugepage_bytes"},
	{"limit", "limit"}, {"packets", "packets"}, {"free", "packets_free"},
};

static const struct sl_column generation_columns[] = {
	{"generation", "generation"}, {"time", "time"},       {"user", "user"},
	{"running", "running"},       {"summary", "summary"}, {"file", "file"},
};
static const struct sl_column audit_columns[] = {
	{"number", "number"}, {"time", "time"}, {"user", "user"},     {"command", "command"},
	{"pid", "pid"},       {"what", "what"}, {"status", "status"}, {"arguments", "arguments"},
	{"result", "result"},
};

static const struct sl_column pair_columns[] = {
	{"in", "in"},   {"out", "out"}, {"samples", "samples"}, {"mean-ns", "mean"}, {"p50", "p50"},
	{"p90", "p90"}, {"p99", "p99"}, {"p99.9", "p999"},      {"max", "max"},
};
static const struct sl_column timing_columns[] = {
	{"hop", "name"}, {"packets", "packets"}, {"mean-cycles", "mean"}, {"p50", "p50"},
	{"p90", "p90"},  {"p99", "p99"},         {"p99.9", "p999"},       {"max", "max"},
};

/* Views that are one table. */
static const struct {
	const char *name;
	const struct sl_column *columns;
	unsigned int count;
} tables[] = {
	{"ports", port_columns, COUNT(port_columns)},
	{"nodes", hop_columns, COUNT(hop_columns)},
	{"vnfs", vnf_columns, COUNT(vnf_columns)},
	{"plugins", plugin_columns, COUNT(plugin_columns)},
	{"workers", worker_columns, COUNT(worker_columns)},
	{"memory", memory_columns, COUNT(memory_columns)},
	{"history", generation_columns, COUNT(generation_columns)},
	{"audit", audit_columns, COUNT(audit_columns)},
	{"faults", fault_columns, COUNT(fault_columns)},
};

static void print_paths(const json_t *paths)
{
	json_t *path;
	size_t i;

	json_array_foreach (paths, i, path) {
		const json_t *hops = json_object_get(path, "hops"), *vnf;
		bool both_ways = json_is_true(json_object_get(path, "both_ways"));
		const char *arrow = both_ways ? "<->" : "->";
		size_t v;

		printf("%s%s: %s %s ", i == 0 ? "" : "\n",
		       json_string_value(json_object_get(path, "name")),
		       json_string_value(json_object_get(path, "first")), arrow);
		json_array_foreach (json_object_get(path, "vnfs"), v, vnf)
			printf("%s %s ", json_string_value(vnf), arrow);
		printf("%s\n", json_string_value(json_object_get(path, "last")));
		if (json_array_size(hops) != 0)
			sl_table_print(stdout, hops, hop_columns, COUNT(hop_columns));
	}
}

static void print_latency(const json_t *answer)
{
	const json_t *ports = json_object_get(answer, "ports");
	const json_t *hops = json_object_get(answer, "hops");

	printf("From port to port, in nanoseconds:\n");
	if (json_array_size(ports) != 0)
		sl_table_print(stdout, ports, pair_columns, COUNT(pair_columns));
	printf("\nIn each hop, in cycles a packet:\n");
	if (json_array_size(hops) != 0)
		sl_table_print(stdout, hops, timing_columns, COUNT(timing_columns));
}

void sl_show_view(const char *view, const json_t *answer)
{
	if (strcmp(view, "latency") == 0) {
		print_latency(answer);
		return;
	}
	if (strcmp(view, "paths") == 0) {
		print_paths(json_object_get(answer, "paths"));
		return;
	}
	if (strcmp(view, "fault") == 0) {
		sl_show_fault(answer);
		return;
	}
	for (unsigned int i = 0; i < COUNT(tables); i++)
		if (strcmp(tables[i].name, view) == 0) {
			sl_table_print(stdout, json_object_get(answer, view), tables[i].columns,
				       tables[i].count);
			return;
		}
	sl_verb_print(answer, false);
}

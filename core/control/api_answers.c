/* SPDX-License-Identifier: BSD-3-Clause */
/* What answers hold, as core/control/report.c and others write them. */
#include <stddef.h>

#include <core/control/api_table.h>

#define HOP_MEMBERS                                                                           \
	{"packets", SL_API_NUMBER, "That came to it, fused ones too", NULL, false},           \
		{"fused", SL_API_NUMBER, "Those that took their flow's action instead", NULL, \
		 false},                                                                      \
		{"bytes", SL_API_NUMBER, "Of these", NULL, false},                            \
		{"calls", SL_API_NUMBER, "Batches", NULL, false},                             \
		{"cycles", SL_API_NUMBER, "TSC cycles in it", NULL, false},                   \
		{"cycles_per_packet", SL_API_REAL, "On average", NULL, false},                \
		{"made", SL_API_NUMBER, "Packets that it made", NULL, false},                 \
		{"held", SL_API_NUMBER, "Packets that it holds now", NULL, false},            \
		{"dropped", SL_API_NUMBER, "Packets", NULL, false},                           \
	{                                                                                     \
		"drops", SL_API_COUNTS, "Packets, by reason", NULL, false                     \
	}

#define STATUS_MEMBERS                                                                           \
	{"version", SL_API_TEXT, "Of sluice", NULL, false},                                      \
		{"state", SL_API_TEXT, "`running` or `stopped`", NULL, false},                   \
		{"chain", SL_API_TEXT, "Its name", NULL, false},                                 \
		{"file", SL_API_TEXT, "Where it came from", NULL, false},                        \
		{"generation", SL_API_NUMBER, "Of the chain: 1, 2, ...", NULL, false},           \
		{"seconds", SL_API_REAL, "Since the start", NULL, false},                        \
		{"started", SL_API_NUMBER, "When, in seconds since 1970", NULL, false},          \
		{"dpdk", SL_API_TEXT, "Version of DPDK", NULL, false},                           \
		{"tsc_hz", SL_API_NUMBER, "TSC cycles in a second", NULL, false},                \
		{"punted", SL_API_NUMBER, "Packets that wait for the main thread", NULL, false}, \
		{"worker_count", SL_API_NUMBER, "How many", NULL, false},                        \
		{"events", SL_API_NUMBER, "That there were", NULL, false},                       \
		{"events_lost", SL_API_NUMBER, "That found no room", NULL, false},               \
		{"watchers", SL_API_NUMBER, "Captures and traces that run", NULL, false},        \
		{"restored", SL_API_OBJECT, "The state it began with", restored, true},          \
		{"drain", SL_API_OBJECT, "The old chain, while its flows finish", drain, true},  \
	{                                                                                        \
		"totals", SL_API_OBJECT, "The ledger: rx + made = tx + drops + joined + held",   \
			totals, false                                                            \
	}

static const struct sl_api_member restored[] = {
	{"saved", SL_API_NUMBER, "When: seconds since 1970", NULL, false},
	{"taken", SL_API_NUMBER, "Records", NULL, false},
	{"moved", SL_API_NUMBER, "Of those, to another worker than the one that had them", NULL,
	 false},
	{"void", SL_API_NUMBER, "Records that mean nothing any more", NULL, false},
	{"refused", SL_API_NUMBER, "Records that a VNF did not take", NULL, false},
	{"lost", SL_API_NUMBER, "Records that no VNF was there for", NULL, false},
	{"from_process", SL_API_NUMBER, "That was taken over from", NULL, true},
	{"outage_ms", SL_API_REAL, "Milliseconds in which nobody forwarded", NULL, true},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member drain[] = {
	{"generation", SL_API_NUMBER, "Whose flows finish", NULL, false},
	{"state", SL_API_TEXT,
	 "`learning`, which flows those are: all take the old paths yet; or `draining`", NULL,
	 false},
	{"flows", SL_API_NUMBER, "That have not ended", NULL, false},
	{"finished", SL_API_NUMBER, "That have", NULL, false},
	{"seconds_left", SL_API_REAL, "Until the rest is cut short", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member totals[] = {
	{"rx", SL_API_NUMBER, "Packets received", NULL, false},
	{"made", SL_API_NUMBER, "By functions", NULL, false},
	{"tx", SL_API_NUMBER, "Sent", NULL, false},
	{"drops", SL_API_NUMBER, "Dropped", NULL, false},
	{"joined", SL_API_NUMBER, "Fragments that became part of another packet", NULL, false},
	{"held", SL_API_NUMBER, "Inside", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member side[] = {
	{"packets", SL_API_NUMBER, "That came in, or went out", NULL, false},
	{"bytes", SL_API_NUMBER, "Of these", NULL, false},
	{"dropped", SL_API_NUMBER, "Packets", NULL, false},
	{"drops", SL_API_COUNTS, "Packets, by reason", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member port[] = {
	{"name", SL_API_TEXT, "In the chain", NULL, false},
	{"kind", SL_API_TEXT, "`tap`, `af-xdp`, ...", NULL, false},
	{"rx", SL_API_OBJECT, "What came in", side, false},
	{"tx", SL_API_OBJECT, "What went out", side, false},
	{"device", SL_API_OBJECT, "Its device, as its driver knows it", NULL, false},
	{"l3", SL_API_OBJECT, "Addresses, neighbours and routes", NULL, true},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member path_hop[] = {
	{"name", SL_API_TEXT, "Of the hop", NULL, false},
	{"vnf", SL_API_TEXT, "Whose hop it is", NULL, false},
	{"direction", SL_API_TEXT, "`forward`, from the path's first port, or `backward`", NULL,
	 false},
	HOP_MEMBERS,
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member node[] = {
	{"number", SL_API_NUMBER, "In the graph", NULL, false},
	{"name", SL_API_TEXT, "Of the hop", NULL, false},
	{"type", SL_API_TEXT, "Its node type", NULL, false},
	{"path", SL_API_TEXT, "That it is of", NULL, true},
	{"vnf", SL_API_TEXT, "Whose hop it is", NULL, true},
	HOP_MEMBERS,
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member path[] = {
	{"name", SL_API_TEXT, "In the chain", NULL, false},
	{"first", SL_API_TEXT, "Port", NULL, false},
	{"last", SL_API_TEXT, "Port", NULL, false},
	{"both_ways", SL_API_FLAG, "Whether packets go back, too", NULL, false},
	{"vnfs", SL_API_TEXTS, "Its VNFs, from the first port on", NULL, false},
	{"hops", SL_API_LIST, "In the order of the path", path_hop, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member command[] = {
	{"name", SL_API_TEXT, "As it is asked for", NULL, false},
	{"changes", SL_API_FLAG, "Whether it changes something", NULL, false},
	{"doc", SL_API_TEXT, "What it does", NULL, false},
	{"arguments", SL_API_TEXTS, "The names of its arguments", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_vnf_answer[] = {
	{"name", SL_API_TEXT, "In the chain", NULL, false},
	{"type", SL_API_TEXT, "Its node type", NULL, false},
	{"plugin", SL_API_TEXT, "That the type is of", NULL, false},
	{"workers", SL_API_NUMBER, "How many run it", NULL, false},
	{"memory", SL_API_NUMBER, "Bytes in use", NULL, false},
	{"memory_limit", SL_API_NUMBER, "Bytes it may use", NULL, true},
	{"counters", SL_API_COUNTS, "Its own", NULL, false},
	{"commands", SL_API_LIST, "What can be asked of it", command, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member worker[] = {
	{"worker", SL_API_NUMBER, "Its number", NULL, false},
	{"core", SL_API_NUMBER, "The core it is pinned to", NULL, false},
	{"busy_percent", SL_API_REAL, "Of its cycles, since the start", NULL, false},
	{"rx", SL_API_NUMBER, "Packets that it polled", NULL, false},
	{"busy_cycles", SL_API_NUMBER, "TSC cycles in rounds with packets", NULL, false},
	{"idle_cycles", SL_API_NUMBER, "In others", NULL, false},
	{"loops", SL_API_NUMBER, "Rounds", NULL, false},
	{"busy_loops", SL_API_NUMBER, "With packets", NULL, false},
	{"sleeps", SL_API_NUMBER, "Times that it slept", NULL, false},
	{"inbox_in", SL_API_NUMBER, "Packets from other workers", NULL, false},
	{"inbox_waiting", SL_API_NUMBER, "Those of them that wait now", NULL, false},
	{"inbox_capacity", SL_API_NUMBER, "How many can wait", NULL, false},
	{"inbox_full", SL_API_NUMBER, "Packets dropped as its inbox was full", NULL, false},
	{"inbox_stale", SL_API_NUMBER, "Packets for hops that were removed meanwhile", NULL, false},
	{"longest_gap_us", SL_API_REAL, "Microseconds: the longest between two rounds, ever", NULL,
	 false},
	{"switch_gap_us", SL_API_REAL, "Since the last apply", NULL, false},
	{"heartbeat_ms", SL_API_REAL, "Milliseconds since its last round", NULL, false},
	{"stuck", SL_API_FLAG, "Whether it does not come back", NULL, false},
	{"stuck_in", SL_API_TEXT, "From which hop", NULL, true},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member memory[] = {
	{"owner", SL_API_TEXT, "A VNF, or `packets`", NULL, false},
	{"bytes", SL_API_NUMBER, "In use", NULL, false},
	{"hugepage_bytes", SL_API_NUMBER, "Of these, on hugepages", NULL, true},
	{"limit", SL_API_NUMBER, "Bytes it may use", NULL, true},
	{"packets", SL_API_NUMBER, "Buffers", NULL, true},
	{"packets_free", SL_API_NUMBER, "Of these, free", NULL, true},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member plugin[] = {
	{"name", SL_API_TEXT, "Its name", NULL, false},
	{"version", SL_API_TEXT, "Its own", NULL, false},
	{"license", SL_API_TEXT, "SPDX", NULL, false},
	{"types", SL_API_TEXTS, "Its node types", NULL, false},
	{"instances", SL_API_NUMBER, "That run its code", NULL, false},
	{"path", SL_API_TEXT, "Of its file", NULL, false},
	{"doc", SL_API_TEXT, "What it is", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member fusion_worker[] = {
	{"worker", SL_API_NUMBER, "Its number", NULL, false},
	{"flows", SL_API_NUMBER, "In its table", NULL, false},
	{"capacity", SL_API_NUMBER, "Most flows", NULL, false},
	{"actions", SL_API_NUMBER, "Compiled", NULL, false},
	{"fused", SL_API_NUMBER, "Flows fused, ever", NULL, false},
	{"refused", SL_API_NUMBER, "Trails that cannot be fused", NULL, false},
	{"no_room", SL_API_NUMBER, "Flows that found none", NULL, false},
	{"cut", SL_API_NUMBER, "Flows unfused by a function", NULL, false},
	{"aged", SL_API_NUMBER, "Flows that were idle too long", NULL, false},
	{"evicted", SL_API_NUMBER, "For others", NULL, false},
	{"hits", SL_API_NUMBER, "Packets by an action", NULL, false},
	{"walked", SL_API_NUMBER, "Of fused flows, through the graph all the same", NULL, false},
	{"misses", SL_API_NUMBER, "Packets of no fused flow", NULL, false},
	{"unfit", SL_API_NUMBER, "Packets that must walk", NULL, false},
	{"verified", SL_API_NUMBER, "Packets by both ways", NULL, false},
	{"mismatches", SL_API_NUMBER, "That came out different", NULL, false},
	{"unverified", SL_API_NUMBER, "That could not be compared", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member generation[] = {
	{"generation", SL_API_NUMBER, "Its number", NULL, false},
	{"time", SL_API_TEXT, "When it began, in UTC", NULL, false},
	{"user", SL_API_SIGNED, "Who applied it; -1: unknown", NULL, false},
	{"file", SL_API_TEXT, "Of its chain", NULL, false},
	{"summary", SL_API_TEXT, "What it changed", NULL, false},
	{"running", SL_API_FLAG, "Whether it runs", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

static const struct sl_api_member change[] = {
	{"what", SL_API_TEXT, "`port`, `vnf`, `path`, ...", NULL, false},
	{"name", SL_API_TEXT, "Of it", NULL, false},
	{"change", SL_API_TEXT, "`kept`, `changed`, `replaced`, `added`, `removed`", NULL, false},
	{"detail", SL_API_TEXT, "What of it, and what that means for its state", NULL, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_ports_answer[] = {
	{"ports", SL_API_LIST, "In the order of the chain", port, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_paths_answer[] = {
	{"paths", SL_API_LIST, "In the order of the chain", path, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_nodes_answer[] = {
	{"nodes", SL_API_LIST, "In the order of the graph", node, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_vnfs_answer[] = {
	{"vnfs", SL_API_LIST, "In the order of the chain", sl_api_vnf_answer, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_workers_answer[] = {
	{"workers", SL_API_LIST, "By their numbers", worker, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_memory_answer[] = {
	{"memory", SL_API_LIST, "Each owner", memory, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_plugins_answer[] = {
	{"plugins", SL_API_LIST, "In the order of loading", plugin, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_history_answer[] = {
	{"history", SL_API_LIST, "The oldest first", generation, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_status_answer[] = {
	STATUS_MEMBERS,
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_fusion_answer[] = {
	{"mode", SL_API_TEXT, "`on`, `off` or `verify`", NULL, false},
	{"sample", SL_API_NUMBER, "One packet in so many is verified; 0: none", NULL, false},
	{"workers", SL_API_LIST, "By their numbers", fusion_worker, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_stats_answer[] = {
	STATUS_MEMBERS,
	{"drops", SL_API_COUNTS, "Packets, by reason", NULL, false},
	{"ports", SL_API_LIST, "As of /v1/ports", port, false},
	{"paths", SL_API_LIST, "As of /v1/paths", path, false},
	{"vnfs", SL_API_LIST, "As of /v1/vnfs", sl_api_vnf_answer, false},
	{"hops", SL_API_LIST, "As of /v1/nodes", node, false},
	{"workers", SL_API_LIST, "As of /v1/workers", worker, false},
	{"fusion", SL_API_OBJECT, "As of /v1/fusion", sl_api_fusion_answer, false},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

const struct sl_api_member sl_api_applied_answer[] = {
	{"generation", SL_API_NUMBER, "That runs now", NULL, false},
	{"applied", SL_API_FLAG, "False: it was a dry run", NULL, false},
	{"changes", SL_API_LIST, "What is done to each thing of the chain", change, false},
	{"took_us", SL_API_NUMBER,
	 "Microseconds from the first worker asked to the last that turned", NULL, true},
	{"gap_us", SL_API_NUMBER, "Microseconds: the longest round of a worker meanwhile", NULL,
	 true},
	{"own_gap_us", SL_API_REAL,
	 "Microseconds that a worker had its core in the longest round that changed over", NULL,
	 true},
	{"carried", SL_API_NUMBER, "Records of state that new code took from old", NULL, true},
	{"lost", SL_API_NUMBER, "Records that it found no place for", NULL, true},
	{"drains", SL_API_NUMBER, "The generation whose flows finish on the old paths", NULL, true},
	{NULL, SL_API_TEXT, NULL, NULL, false},
};

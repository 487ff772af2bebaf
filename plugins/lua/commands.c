/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may ask: how the script fares, its reasons for dropping, a policy's sessions. */
#include <string.h>

#include "script.h"

struct status {
	double most_steps;
	uint64_t errors, prints, used, size;
	uint16_t worker;
	bool failed;
	char message[SCRIPT_MESSAGE];
};

static uint32_t collect_status(struct sl_node *node, const void *args, uint64_t *cursor,
			       void *records, uint32_t room)
{
	struct script_machine *machine = sl_script_machine(node);
	struct status *status = records;

	(void)args;
	if (room == 0)
		return 0;
	memset(status, 0, sizeof(*status));
	status->worker = node->worker;
	status->failed = machine->failed;
	status->errors = machine->errors;
	status->prints = machine->prints;
	status->most_steps = machine->most_steps;
	status->used = sl_heap_used(machine->heap);
	status->size = sl_heap_size(machine->heap);
	memcpy(status->message, machine->message, sizeof(status->message));
	*cursor = UINT64_MAX;
	return 1;
}

static void render_status(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct status *status = record;

	(void)instance;
	sl_json_int(out, "worker", status->worker);
	sl_json_text(out, "state", status->failed ? "disabled" : "running");
	sl_json_int(out, "errors", (int64_t)status->errors);
	sl_json_int(out, "most-steps", (int64_t)status->most_steps);
	sl_json_int(out, "memory", (int64_t)status->used);
	sl_json_int(out, "memory-most", (int64_t)status->size);
	sl_json_int(out, "prints", (int64_t)status->prints);
	sl_json_text(out, "last-error", status->message);
}

static uint32_t collect_drops(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	const struct script_machine *machine = sl_script_machine(node);
	struct script_drops *out = records;
	uint32_t n = 0;

	(void)args;
	for (; n < room && *cursor < machine->name_count; ++*cursor)
		if (*cursor != 0 || machine->drops[0].packets != 0)
			out[n++] = machine->drops[*cursor];
	if (*cursor >= machine->name_count)
		*cursor = UINT64_MAX;
	return n;
}

static void render_drops(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	const struct script_drops *drops = record;

	(void)instance;
	sl_json_text(out, "reason", drops->name[0] != '\0' ? drops->name : "-");
	sl_json_int(out, "packets", (int64_t)drops->packets);
}

#define BOTH_TYPES                                                                    \
	{.name = "script",                                                            \
	 .doc = "how the script fares: errors, steps, memory",                        \
	 .record_size = sizeof(struct status),                                        \
	 .collect = collect_status,                                                   \
	 .render = render_status},                                                    \
	{                                                                             \
		.name = "drops", .doc = "packets dropped, by the script's reason",    \
		.record_size = sizeof(struct script_drops), .collect = collect_drops, \
		.render = render_drops                                                \
	}

const struct sl_command sl_script_commands[] = {
	BOTH_TYPES,
	{.name = NULL},
};

/* ---- Sessions ---- */

struct record {
	struct policy_key key;
	uint64_t packets, bytes, idle_ms, over_rate;
	double rate; /* 0: no limit */
	uint32_t mark;
	uint16_t worker;
	uint8_t opener, edge;
	bool marks, stale, limits_packets;
	char reason[SCRIPT_NAME_SIZE];
};

/* Slots visited in one call: packets are waiting. */
#define SLICE 256

static uint32_t collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				 void *records, uint32_t room)
{
	const struct script_machine *machine = sl_script_machine(node);
	struct policy_worker *worker = node->state;
	struct record *out = records;
	uint32_t n = 0;

	(void)args;
	for (int visits = 0; visits < SLICE && n < room; visits++) {
		struct policy_session *session;

		if (*cursor >= worker->fresh) {
			*cursor = UINT64_MAX;
			break;
		}
		session = &worker->sessions[(*cursor)++];
		if (session->seen == 0)
			continue;
		sl_anchor_sync(node, &session->anchor);
		memset(&out[n], 0, sizeof(out[n]));
		out[n].key = session->key;
		out[n].packets = session->packets;
		out[n].bytes = session->bytes;
		out[n].mark = session->mark;
		out[n].marks = session->marks;
		out[n].worker = node->worker;
		out[n].opener = session->opener;
		out[n].edge = session->edge;
		out[n].rate = session->each > 0 ? sl_limit_rate(session) : 0;
		out[n].limits_packets = session->limits_packets;
		out[n].over_rate = session->over_rate;
		out[n].stale = session->epoch != machine->epoch;
		if (session->edge == SL_DROP(SCRIPT_DROP) && !out[n].stale)
			memcpy(out[n].reason, machine->drops[session->reason].name,
			       SCRIPT_NAME_SIZE);
		out[n++].idle_ms =
			(uint64_t)((double)(sl_now(node) - session->seen) * 1e3 / (double)sl_hz());
	}
	return n;
}

static void write_addr(struct sl_json *out, const char *name, uint8_t family, const uint8_t *bytes)
{
	struct sl_addr addr = {.family = family};

	memcpy(addr.bytes, bytes, family == SL_FAMILY_IPV4 ? 4 : 16);
	sl_json_addr(out, name, &addr);
}

static void write_verdict(struct sl_instance *instance, const struct record *record,
			  struct sl_json *out)
{
	const struct script_instance *script = sl_instance_data(instance);
	const char *verdict = record->edge == SL_DROP(SCRIPT_DROP) ? "drop" : "on";

	for (uint32_t i = 0; record->edge >= SL_EDGE_FIRST && i < script->config->ways.count; i++) {
		const struct script_way *way = SL_ITEM(&script->config->ways, struct script_way, i);

		if (way->path == record->edge)
			verdict = way->name;
	}
	sl_json_text(out, "verdict", record->stale ? "to be asked again" : verdict);
	if (record->reason[0] != '\0')
		sl_json_text(out, "reason", record->reason);
	if (record->marks)
		sl_json_int(out, "mark", record->mark);
	if (record->rate > 0) /* to the thousandth, as it was said */
		sl_json_real(out, record->limits_packets ? "limit-packets" : "limit-bits",
			     (double)(int64_t)(record->rate * 1000 + 0.5) / 1000);
}

static void render_session(struct sl_instance *instance, const void *data, struct sl_json *out)
{
	const struct record *record = data;
	const struct policy_key *key = &record->key;

	write_addr(out, "from", key->family, key->addr[record->opener]);
	write_addr(out, "to", key->family, key->addr[!record->opener]);
	sl_json_int(out, "proto", key->proto);
	sl_json_int(out, "sport", rte_be_to_cpu_16(key->port[record->opener]));
	sl_json_int(out, "dport", rte_be_to_cpu_16(key->port[!record->opener]));
	if (key->vlan != 0)
		sl_json_int(out, "vlan", key->vlan);
	write_verdict(instance, record, out);
	sl_json_int(out, "packets", (int64_t)record->packets);
	sl_json_int(out, "bytes", (int64_t)record->bytes);
	sl_json_int(out, "over-rate", (int64_t)record->over_rate);
	sl_json_int(out, "idle-ms", (int64_t)record->idle_ms);
	sl_json_int(out, "worker", record->worker);
}

static uint32_t collect_forget(struct sl_node *node, const void *args, uint64_t *cursor,
			       void *records, uint32_t room)
{
	struct policy_worker *worker = node->state;

	(void)args, (void)records, (void)room;
	for (int visits = 0; visits < SLICE && *cursor < worker->fresh; visits++, ++*cursor)
		if (worker->sessions[*cursor].seen != 0)
			sl_policy_remove(node, (uint32_t)*cursor);
	if (*cursor >= worker->fresh)
		*cursor = UINT64_MAX;
	return 0;
}

static void render_forget(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	(void)instance, (void)record, (void)out;
}

const struct sl_command sl_policy_commands[] = {
	BOTH_TYPES,
	{.name = "sessions",
	 .doc = "sessions and the script's verdict on each",
	 .record_size = sizeof(struct record),
	 .collect = collect_sessions,
	 .render = render_session},
	{.name = "forget",
	 .doc = "forget all verdicts: the next packet of each session is the script's again",
	 .changes = true,
	 .record_size = 8,
	 .collect = collect_forget,
	 .render = render_forget},
	{.name = NULL},
};

void sl_script_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			    struct sl_json *out)
{
	(void)instance, (void)event;
	sl_json_text(out, "text", data);
}

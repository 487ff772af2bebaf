/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may ask: colours by rule and by flow. */
#include <string.h>

#include "policer.h"

static const char *const pers[] = {"all", "flow", "source", "destination"};
static const char *const sides[] = {"inside", "outside", "both"};

static void write_count(const struct pol_count *count, struct sl_json *row)
{
	static const char *const packets[] = {"green", "yellow", "red"};
	static const char *const bytes[] = {"green-bytes", "yellow-bytes", "red-bytes"};

	for (int i = 0; i < 3; i++) {
		sl_json_int(row, packets[i], (int64_t)count->packets[i]);
		sl_json_int(row, bytes[i], (int64_t)count->bytes[i]);
	}
}

static void show_policy(const struct pol_set *set, uint32_t number, unsigned int side,
			struct sl_json *rows)
{
	const struct pol_policy *policy = &set->policies[number];
	struct sl_json *row = sl_json_object(rows, NULL);
	struct pol_count sum = {{0}, {0}};

	for (uint32_t w = 0; w < set->workers; w++) {
		const struct pol_count *count = &sl_pol_shared(set, w, number, side)->count;

		for (int i = 0; i < 3; i++) {
			sum.packets[i] += sl_tally_read(&count->packets[i]);
			sum.bytes[i] += sl_tally_read(&count->bytes[i]);
		}
	}
	if (number < set->rule_count)
		sl_json_int(row, "rule", number + 1);
	else
		sl_json_text(row, "rule", "others");
	sl_json_text(row, "per", pers[policy->per]);
	sl_json_text(row, "from", sides[policy->symmetric ? POL_BOTH_SIDES : side]);
	write_count(&sum, row);
}

static int show_rules(struct sl_instance *instance, const void *args, struct sl_json *out,
		      struct sl_errors *errors)
{
	const struct policer *policer = sl_instance_data(instance);
	const struct pol_set *set = atomic_load(&policer->set);
	struct sl_json *rows = sl_json_array(out, "rules");

	(void)args, (void)errors;
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->policies[i].exempt)
			continue;
		for (unsigned int side = SL_INSIDE; side <= SL_OUTSIDE; side++)
			if (set->metered[side] &&
			    (side == SL_INSIDE || !set->policies[i].symmetric ||
			     !set->metered[SL_INSIDE]))
				show_policy(set, i, set->policies[i].symmetric ? SL_INSIDE : side,
					    rows);
	}
	return 0;
}

/* ---- Flows ---- */

struct record {
	struct pol_key key;
	struct pol_count count;
	uint64_t idle_ms;
	uint16_t worker;
	uint8_t per;
};

/* Slots visited in one call: packets are waiting. */
#define SLICE 256

static uint32_t collect_flows(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	const struct pol_worker *worker = node->state;
	const struct pol_set *set = sl_pol_set(node);
	struct record *out = records;
	uint32_t n = 0;

	(void)args;
	for (int visits = 0; visits < SLICE && n < room; visits++) {
		const struct pol_flow *flow;

		if (*cursor >= worker->fresh) {
			*cursor = UINT64_MAX;
			break;
		}
		flow = &worker->flows[(*cursor)++];
		if (flow->seen == 0 || flow->key.generation != set->generation)
			continue;
		memset(&out[n], 0, sizeof(out[n]));
		out[n].key = flow->key;
		out[n].count = flow->count;
		out[n].worker = node->worker;
		out[n].per = set->policies[flow->key.policy].per;
		out[n++].idle_ms =
			(uint64_t)((double)(sl_now(node) - flow->seen) * 1e3 / (double)sl_hz());
	}
	return n;
}

static void write_addr(struct sl_json *out, const char *name, uint8_t family, const uint8_t *bytes)
{
	struct sl_addr addr = {.family = family};

	memcpy(addr.bytes, bytes, family == SL_FAMILY_IPV4 ? 4 : 16);
	sl_json_addr(out, name, &addr);
}

static void render_flow(struct sl_instance *instance, const void *data, struct sl_json *out)
{
	const struct record *record = data;
	const struct pol_key *key = &record->key;

	(void)instance;
	sl_json_int(out, "rule", key->policy + 1);
	sl_json_text(out, "from-side", sides[key->side]);
	if (key->family != 0 && record->per != POL_DESTINATION)
		write_addr(out, "from", key->family, key->source);
	if (key->family != 0 && record->per != POL_SOURCE)
		write_addr(out, "to", key->family, key->destination);
	if (key->family != 0 && record->per == POL_FLOW) {
		sl_json_int(out, "proto", key->proto);
		sl_json_int(out, "sport", rte_be_to_cpu_16(key->sport));
		sl_json_int(out, "dport", rte_be_to_cpu_16(key->dport));
	}
	if (key->vlan != 0)
		sl_json_int(out, "vlan", key->vlan);
	write_count(&record->count, out);
	sl_json_int(out, "idle-ms", (int64_t)record->idle_ms);
	sl_json_int(out, "worker", record->worker);
}

/* A worker's counters are its own to write: each clears its. */
static uint32_t collect_clear(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	const struct pol_set *set = sl_pol_set(node);
	struct pol_worker *worker = node->state;

	(void)args, (void)records, (void)room;
	for (uint32_t i = 0; *cursor == 0 && i < set->count * 2; i++) {
		struct pol_count *count = &sl_pol_shared(set, node->worker, i / 2, i % 2)->count;

		for (int c = 0; c < 3; c++) {
			__atomic_store_n(&count->packets[c], 0, __ATOMIC_RELAXED);
			__atomic_store_n(&count->bytes[c], 0, __ATOMIC_RELAXED);
		}
	}
	for (int visits = 0; visits < SLICE && *cursor < worker->fresh; visits++) {
		struct pol_flow *flow = &worker->flows[(*cursor)++];

		memset(&flow->count, 0, sizeof(flow->count));
	}
	if (*cursor >= worker->fresh)
		*cursor = UINT64_MAX;
	return 0;
}

static void render_clear(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	(void)instance, (void)record, (void)out;
}

const struct sl_command sl_pol_commands[] = {
	{.name = "rules", .doc = "packets and bytes of each colour, by rule", .show = show_rules},
	{.name = "flows",
	 .doc = "meters of flows, sources and destinations",
	 .record_size = sizeof(struct record),
	 .collect = collect_flows,
	 .render = render_flow},
	{.name = "clear",
	 .doc = "set the counters of rules and flows to zero; the meters go on",
	 .changes = true,
	 .record_size = 8,
	 .collect = collect_clear,
	 .render = render_clear},
	{.name = NULL},
};

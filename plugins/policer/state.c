/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters as records, for other code: what is in their buckets, and since when. A meter belongs to a
 * rule by its number and its rate; where the rules are others by then, it begins full. Buckets
 * change with every packet: those of flows are told once, when they are made, and as they are when
 * the pass comes by.
 */
#include <string.h>

#include "policer.h"

/* How many slots one slice looks at. */
#define MOST_SLOTS 1024

/* Integers little-endian, addresses and ports in network order. */
struct meter_record {
	uint8_t shared; /* 1: that of all packets from one side on a worker */
	uint8_t algorithm;
	uint8_t side; /* enum sl_side, or POL_BOTH_SIDES */
	uint8_t family, proto, zero;
	uint16_t policy, vlan;
	uint16_t sport, dport;
	uint16_t zeros;
	uint8_t source[16], destination[16];
	uint64_t rate;      /* of the rule */
	uint64_t tokens[2]; /* committed; excess or peak */
	uint64_t age[2];    /* us, of either */
	uint64_t idle;      /* ms since its last packet */
	uint64_t packets[3], bytes[3];
};

static_assert(sizeof(struct meter_record) == 144, "it has no padding");

static uint64_t rate_of(const struct pol_set *set, uint32_t policy)
{
	const struct pol_meter_config *meter =
		policy < set->rule_count
			? &SL_ITEM(&set->config->rules, struct pol_rule_config, policy)->meter
			: &set->config->meter;

	return RTE_MAX(meter->rate, meter->packets);
}

/* The times and tokens of a meter, whichever kind it is. */
static void parts(struct pol_meter *meter, uint8_t algorithm, uint64_t *times[2],
		  uint64_t *tokens[2])
{
	switch (algorithm) {
	case POL_SRTCM:
		times[0] = times[1] = &meter->srtcm.time;
		tokens[0] = &meter->srtcm.tc;
		tokens[1] = &meter->srtcm.te;
		break;
	case POL_TRTCM:
		times[0] = &meter->trtcm.time_tc;
		times[1] = &meter->trtcm.time_tp;
		tokens[0] = &meter->trtcm.tc;
		tokens[1] = &meter->trtcm.tp;
		break;
	default:
		times[0] = &meter->trtcm4115.time_tc;
		times[1] = &meter->trtcm4115.time_te;
		tokens[0] = &meter->trtcm4115.tc;
		tokens[1] = &meter->trtcm4115.te;
		break;
	}
}

static void tell_meter(struct meter_record *r, struct sl_node *node, struct pol_meter *meter,
		       const struct pol_count *count)
{
	uint64_t now = sl_now(node) << POL_TIME_SHIFT, *times[2], *tokens[2];
	double us = (double)sl_hz() / 1e6 * (1 << POL_TIME_SHIFT);

	parts(meter, r->algorithm, times, tokens);
	for (unsigned int i = 0; i < 2; i++) {
		r->tokens[i] = *tokens[i];
		r->age[i] = now > *times[i] ? (uint64_t)((double)(now - *times[i]) / us) : 0;
	}
	memcpy(r->packets, count->packets, sizeof(r->packets));
	memcpy(r->bytes, count->bytes, sizeof(r->bytes));
}

static bool tell_flow(struct sl_node *node, const struct pol_set *set, struct pol_flow *flow,
		      struct sl_export *out)
{
	struct meter_record *r = sl_export_record(out, sizeof(*r));
	const struct pol_key *key = &flow->key;

	if (r == NULL)
		return false;
	r->algorithm = set->policies[key->policy].profile.algorithm;
	r->side = key->side;
	r->family = key->family;
	r->proto = key->proto;
	r->policy = key->policy;
	r->vlan = key->vlan;
	r->sport = key->sport;
	r->dport = key->dport;
	memcpy(r->source, key->source, sizeof(r->source));
	memcpy(r->destination, key->destination, sizeof(r->destination));
	r->rate = rate_of(set, key->policy);
	r->idle = sl_age_ms(node, flow->seen);
	tell_meter(r, node, &flow->meter, &flow->count);
	return true;
}

static bool tell_shared(struct sl_node *node, const struct pol_set *set, uint32_t number,
			struct sl_export *out)
{
	const struct pol_policy *policy = &set->policies[number / 2];
	struct pol_shared *shared = sl_pol_shared(set, node->worker, number / 2, number % 2);
	struct meter_record *r;

	if (policy->exempt)
		return true;
	r = sl_export_record(out, sizeof(*r));
	if (r == NULL)
		return false;
	r->shared = 1;
	r->algorithm = policy->profile.algorithm;
	r->side = (uint8_t)(number % 2);
	r->policy = (uint16_t)(number / 2);
	r->rate = rate_of(set, r->policy);
	tell_meter(r, node, &shared->meter, &shared->count);
	return true;
}

/* The cursor counts slots of flows, then the shared meters, which are told once. */
#define SHARED (UINT64_C(1) << 32)

/* False: no more room, or looked at enough. */
static bool tell_flows(struct sl_node *node, struct pol_worker *worker, const struct pol_set *set,
		       struct sl_export *out)
{
	uint32_t slot = (uint32_t)out->cursor, end = worker->fresh, most = MOST_SLOTS;

	for (; sl_export_slot(out, worker->changed, &slot, end, &most); slot++) {
		struct pol_flow *flow = &worker->flows[slot];

		if (flow->seen != 0 && flow->key.generation == set->generation &&
		    !tell_flow(node, set, flow, out))
			break;
		sl_unmark(worker->changed, slot);
	}
	out->cursor = slot < end ? slot : SHARED;
	return slot >= end;
}

void sl_pol_export(struct sl_node *node, struct sl_export *out)
{
	struct pol_worker *worker = node->state;
	const struct pol_set *set = sl_pol_set(node);
	uint64_t all = out->changed ? 0 : (uint64_t)set->count * 2, at;

	if (out->cursor < SHARED && !tell_flows(node, worker, set, out))
		return;
	for (at = out->cursor; at - SHARED < all; at++)
		if (!tell_shared(node, set, (uint32_t)(at - SHARED), out)) {
			out->cursor = at;
			return;
		}
	out->cursor = UINT64_MAX;
}

/* ---- The other way ---- */

static void take_meter(const struct meter_record *r, struct sl_node *node, struct pol_meter *meter,
		       struct pol_count *count)
{
	uint64_t now = sl_now(node) << POL_TIME_SHIFT, *times[2], *tokens[2];
	double us = (double)sl_hz() / 1e6 * (1 << POL_TIME_SHIFT);

	parts(meter, r->algorithm, times, tokens);
	for (unsigned int i = 0; i < 2; i++) {
		double ago = RTE_MIN((double)r->age[i] * us, (double)now);

		*times[i] = now - (uint64_t)ago;
		/* It was full, as new ones are. */
		*tokens[i] = RTE_MIN(*tokens[i], r->tokens[i]);
	}
	memcpy(count->packets, r->packets, sizeof(r->packets));
	memcpy(count->bytes, r->bytes, sizeof(r->bytes));
}

static int take_flow(struct sl_node *node, const struct pol_set *set, const struct meter_record *r,
		     struct sl_errors *errors)
{
	struct pol_worker *worker = node->state;
	struct pol_key key = {
		.sport = r->sport,
		.dport = r->dport,
		.vlan = r->vlan,
		.proto = r->proto,
		.family = r->family,
		.policy = r->policy,
		.side = r->side,
		.generation = set->generation,
	};
	struct pol_flow *flow;
	uint32_t hash, slot;

	memcpy(key.source, r->source, sizeof(key.source));
	memcpy(key.destination, r->destination, sizeof(key.destination));
	hash = sl_index_hash(&key, sizeof(key));
	slot = sl_index_find(worker->index, &key, hash);
	if (slot == SL_NO_SLOT)
		slot = sl_pol_flow_add(node, set, &key, hash);
	if (slot == SL_NO_SLOT)
		return sl_fail(errors, ENOSPC, "%s: no room for a meter that it had",
			       sl_instance_name(node->instance));
	flow = &worker->flows[slot];
	sl_pol_meter_reset(&flow->meter, &set->policies[key.policy].profile, sl_now(node));
	flow->seen = sl_ago(node, r->idle);
	take_meter(r, node, &flow->meter, &flow->count);
	return SL_IMPORT_TAKEN;
}

int sl_pol_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		  struct sl_errors *errors)
{
	const struct pol_set *set = sl_pol_set(node);
	const struct meter_record *r = record;
	const struct pol_policy *policy;
	struct pol_shared *shared;

	if (version != POL_STATE_VERSION || size != sizeof(*r) || r->side > POL_BOTH_SIDES ||
	    r->algorithm > POL_TRTCM_4115)
		return -EPROTO;
	policy = r->policy < set->count ? &set->policies[r->policy] : NULL;
	if (policy == NULL || policy->exempt || policy->profile.algorithm != r->algorithm ||
	    rate_of(set, r->policy) != r->rate)
		return SL_IMPORT_VOID;
	if (!r->shared)
		return policy->per != POL_ALL ? take_flow(node, set, r, errors) : SL_IMPORT_VOID;
	if (r->side == POL_BOTH_SIDES)
		return -EPROTO;
	shared = sl_pol_shared(set, node->worker, r->policy, r->side);
	take_meter(r, node, &shared->meter, &shared->count);
	return SL_IMPORT_TAKEN;
}

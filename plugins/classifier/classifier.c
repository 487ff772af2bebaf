/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classifier (RFC 7665): the first rule that matches a packet says what becomes of it. Two node
 * types share everything but what happens to a packet that no rule matches: `classifier` stands
 * in a path and lets it go on; `steering` chooses the path of what enters by a port, so such a
 * packet has nowhere to go and is dropped.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <sluice/ip.h>
#include <sluice/match.h>
#include <sluice/node.h>
#include <sluice/trail.h>

/* ---- Configuration ---- */

struct rule_config {
	uint64_t given;
	struct sl_match match;
	uint32_t path; /* an edge */
	uint64_t mark;
	uint64_t dscp;
	bool drop;
};

enum rule_given {
	GIVEN_MATCH = 1 << 0,
	GIVEN_PATH = 1 << 1,
	GIVEN_MARK = 1 << 2,
	GIVEN_DSCP = 1 << 3,
	GIVEN_DROP = 1 << 4,
};

struct config {
	uint64_t given;
	struct sl_list rules; /* of struct rule_config */
};

static const struct sl_param rule_params[] = {
	{.name = "match",
	 .kind = SL_TABLE,
	 .offset = offsetof(struct rule_config, match),
	 .fields = sl_match_params,
	 .size = sizeof(struct sl_match),
	 .doc = "which packets; a rule without it matches every packet"},
	{.name = "path",
	 .kind = SL_PATH,
	 .offset = offsetof(struct rule_config, path),
	 .doc = "the path that the packet takes"},
	{.name = "mark",
	 .kind = SL_UINT,
	 .offset = offsetof(struct rule_config, mark),
	 .max = UINT32_MAX,
	 .doc = "number to put on the packet, for `mark` in the rules of later functions"},
	{.name = "dscp",
	 .kind = SL_UINT,
	 .offset = offsetof(struct rule_config, dscp),
	 .max = 63,
	 .doc = "differentiated services code point to write into the IP header"},
	{.name = "drop",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct rule_config, drop),
	 .doc = "drop the packet"},
	{.name = NULL},
};

static const struct sl_param params[] = {
	{.name = "rules",
	 .kind = SL_TABLE,
	 .flags = SL_REQUIRED | SL_LIST | SL_LIVE,
	 .offset = offsetof(struct config, rules),
	 .fields = rule_params,
	 .size = sizeof(struct rule_config),
	 .doc = "rules in order; the first that matches decides"},
	{.name = NULL},
};

static int check_rule(const struct rule_config *rule, bool steers, struct sl_errors *errors)
{
	bool drops = rule->given & GIVEN_DROP && rule->drop;
	int result = sl_match_check(&rule->match, errors);

	if (drops && rule->given & (GIVEN_PATH | GIVEN_MARK | GIVEN_DSCP))
		result = sl_fail_at(errors, &rule->drop,
				    "a rule that drops cannot also say `path`, `mark` or `dscp`");
	if (steers && !drops && !(rule->given & GIVEN_PATH))
		result = sl_fail_at(errors, &rule->given,
				    "a steering rule must say `path` or `drop: true`");
	if (!steers && !drops && !(rule->given & (GIVEN_PATH | GIVEN_MARK | GIVEN_DSCP)))
		result = sl_fail_at(errors, &rule->given,
				    "a rule must say `path`, `mark`, `dscp` or `drop: true`");
	return result;
}

static int check_rules(const struct config *config, bool steers, struct sl_errors *errors)
{
	int result = 0;

	for (uint32_t i = 0; i < config->rules.count; i++) {
		if (check_rule(SL_ITEM(&config->rules, struct rule_config, i), steers, errors) != 0)
			result = -EINVAL;
	}
	return result;
}

static int classifier_check(const void *config, struct sl_errors *errors)
{
	return check_rules(config, false, errors);
}

static int steering_check(const void *config, struct sl_errors *errors)
{
	return check_rules(config, true, errors);
}

/* ---- Compiled rules: immutable, replaced as a whole ---- */

struct action {
	uint8_t edge;
	bool set_mark, set_dscp;
	uint8_t dscp;
	uint32_t mark;
};

struct count {
	uint64_t packets, bytes;
};

struct rule_set {
	struct sl_matcher *matcher;
	const struct config *config;
	uint32_t count, workers;
	struct action *actions;
	struct count *counts; /* of worker w: counts + w * stride; written by that worker alone */
	uint32_t stride;
};

/* sl_instance_data() */
struct classifier {
	_Atomic(struct rule_set *) rules;
};

enum { NO_RULE, RULE };

static const struct sl_name reasons[] = {
	[NO_RULE] = {"no-rule", "no steering rule matched, so there is no path for the packet"},
	[RULE] = {"rule", "a rule said so"},
	{NULL, NULL},
};

enum { MATCHED, UNMATCHED };

static const struct sl_name counters[] = {
	[MATCHED] = {"matched", "packets that a rule matched"},
	[UNMATCHED] = {"unmatched", "packets that no rule matched"},
	{NULL, NULL},
};

static void rule_set_free(struct sl_instance *instance, struct rule_set *set)
{
	if (set == NULL)
		return;
	sl_matcher_free(set->matcher);
	sl_free(instance, set->actions);
	sl_free(instance, set->counts);
	sl_free(instance, set);
}

static void fill_actions(struct rule_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct rule_config *rule =
			SL_ITEM(&set->config->rules, struct rule_config, i);
		struct action *action = &set->actions[i];

		action->set_mark = rule->given & GIVEN_MARK;
		action->mark = (uint32_t)rule->mark;
		action->set_dscp = rule->given & GIVEN_DSCP;
		action->dscp = (uint8_t)rule->dscp;
		action->edge = rule->given & GIVEN_PATH ? (uint8_t)rule->path : SL_ON;
		if (rule->given & GIVEN_DROP && rule->drop)
			action->edge = SL_DROP(RULE);
	}
}

static struct rule_set *rule_set_new(struct sl_instance *instance, const struct config *config,
				     struct sl_errors *errors)
{
	uint32_t count = config->rules.count;
	struct rule_set *set = sl_alloc(instance, sizeof(*set));
	const struct sl_match **list = sl_alloc(instance, (count + 1) * sizeof(*list));

	if (set == NULL || list == NULL)
		goto no_memory;
	set->config = config;
	set->count = count;
	set->workers = sl_instance_workers(instance);
	/* Workers' counters share no cache line. */
	set->stride = RTE_ALIGN_CEIL(count + 1, RTE_CACHE_LINE_SIZE / sizeof(struct count));
	set->actions = sl_alloc(instance, (count + 1) * sizeof(*set->actions));
	set->counts = sl_alloc(instance, (size_t)set->stride * set->workers * sizeof(*set->counts));
	if (set->actions == NULL || set->counts == NULL)
		goto no_memory;
	fill_actions(set);
	for (uint32_t i = 0; i < count; i++)
		list[i] = &SL_ITEM(&config->rules, struct rule_config, i)->match;
	set->matcher = sl_matcher_create(instance, list, count, errors);
	sl_free(instance, list);
	if (set->matcher == NULL) {
		rule_set_free(instance, set);
		return NULL;
	}
	return set;

no_memory:
	sl_fail(errors, ENOMEM, "no memory for %u rules", count);
	sl_free(instance, list);
	rule_set_free(instance, set);
	return NULL;
}

static int classifier_configure(struct sl_instance *instance, const void *config,
				struct sl_errors *errors)
{
	struct classifier *classifier = sl_instance_data(instance);
	struct rule_set *set = rule_set_new(instance, config, errors), *old;

	if (set == NULL)
		return -EINVAL;
	old = atomic_exchange_explicit(&classifier->rules, set, memory_order_acq_rel);
	if (old != NULL) {
		sl_unfuse(instance); /* fused flows count in the old one's counters */
		sl_synchronize();
		rule_set_free(instance, old);
	}
	return 0;
}

static void classifier_destroy(struct sl_instance *instance)
{
	struct classifier *classifier = sl_instance_data(instance);

	rule_set_free(instance, atomic_load(&classifier->rules));
}

/* ---- Packets ---- */

/* Say on the trails what the rules said. */
static void say(struct sl_node *node, const struct rule_set *set, struct rte_mbuf **pkts,
		const uint32_t *rule, uint16_t n)
{
	struct count *counts = set->counts + (size_t)set->stride * node->worker;

	for (uint16_t i = 0; i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);
		const struct action *action;

		if (trail == NULL || !sl_matcher_by_flow(set->matcher, pkts[i]))
			continue;
		if (rule[i] == SL_NO_MATCH) {
			sl_trail_count(trail, &node->counters[UNMATCHED], NULL);
			continue;
		}
		action = &set->actions[rule[i]];
		sl_trail_count(trail, &node->counters[MATCHED], NULL);
		sl_trail_count(trail, &counts[rule[i]].packets, &counts[rule[i]].bytes);
		if (action->set_mark)
			sl_trail_set(trail, SL_FIELD_MARK, &action->mark);
		if (action->set_dscp) {
			uint8_t tos = sl_ip_tos(pkts[i]);

			sl_trail_set(trail, SL_FIELD_IP_TOS, &tos);
		}
	}
}

/* otherwise: the edge of a packet that no rule matches. */
static inline void classify(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n,
			    uint8_t otherwise)
{
	struct classifier *classifier = node->data;
	const struct rule_set *set = atomic_load_explicit(&classifier->rules, memory_order_acquire);
	struct count *counts = set->counts + (size_t)set->stride * node->worker;
	uint32_t rule[SL_BURST];
	uint16_t matched = 0;

	sl_matcher_lookup(set->matcher, node->from, pkts, rule, n);
	for (uint16_t i = 0; i < n; i++) {
		const struct action *action;

		if (rule[i] == SL_NO_MATCH) {
			edge[i] = otherwise;
			continue;
		}
		matched++;
		action = &set->actions[rule[i]];
		sl_tally(&counts[rule[i]].packets, 1);
		sl_tally(&counts[rule[i]].bytes, pkts[i]->pkt_len);
		edge[i] = action->edge;
		if (action->set_mark)
			sl_packet(pkts[i])->mark = action->mark;
		if (action->set_dscp && sl_is_ip(pkts[i]))
			sl_ip_set_dscp(pkts[i], action->dscp);
	}
	sl_count(node, MATCHED, matched);
	sl_count(node, UNMATCHED, n - matched);
	if (sl_recording(node))
		say(node, set, pkts, rule, n);
}

static void classifier_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge,
			       uint16_t n)
{
	classify(node, pkts, edge, n, SL_ON);
}

static void steering_process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge,
			     uint16_t n)
{
	classify(node, pkts, edge, n, SL_DROP(NO_RULE));
}

/* ---- Commands ---- */

static void show_action(const struct rule_config *rule, struct sl_json *out)
{
	if (rule->given & GIVEN_PATH)
		sl_json_int(out, "path-edge", rule->path);
	if (rule->given & GIVEN_MARK)
		sl_json_int(out, "mark", (int64_t)rule->mark);
	if (rule->given & GIVEN_DSCP)
		sl_json_int(out, "dscp", (int64_t)rule->dscp);
	if (rule->given & GIVEN_DROP)
		sl_json_bool(out, "drop", rule->drop);
}

static int show_rules(struct sl_instance *instance, const void *args, struct sl_json *out,
		      struct sl_errors *errors)
{
	struct classifier *classifier = sl_instance_data(instance);
	const struct rule_set *set = atomic_load(&classifier->rules);
	struct sl_json *rules = sl_json_array(out, "rules");

	for (uint32_t i = 0; i < set->count; i++) {
		struct sl_json *row = sl_json_object(rules, NULL);
		struct count sum = {0};

		for (uint32_t w = 0; w < set->workers; w++) {
			const struct count *count = &set->counts[(size_t)set->stride * w + i];

			sum.packets += sl_tally_read(&count->packets);
			sum.bytes += sl_tally_read(&count->bytes);
		}
		sl_json_int(row, "rule", i + 1);
		show_action(SL_ITEM(&set->config->rules, struct rule_config, i), row);
		sl_json_int(row, "packets", (int64_t)sum.packets);
		sl_json_int(row, "bytes", (int64_t)sum.bytes);
	}
	return 0;
}

static const struct sl_command commands[] = {
	{.name = "rules",
	 .doc = "what each rule matched since it was configured",
	 .show = show_rules},
	{.name = NULL},
};

/* ---- Types ---- */

#define COMMON                                                                            \
	.reasons = reasons, .counters = counters, .params = params,                       \
	.config_size = sizeof(struct config), .instance_size = sizeof(struct classifier), \
	.create = classifier_configure, .configure = classifier_configure,                \
	.destroy = classifier_destroy, .commands = commands

static const struct sl_node_type types[] = {
	{.name = "classifier",
	 .doc = "sets marks and DSCP, drops, or sends to other paths, by rules",
	 .flags = SL_NODE_TRAILS,
	 .check = classifier_check,
	 .process = classifier_process,
	 COMMON},
	{.name = "steering",
	 .doc = "chooses the path of what enters by a port, by rules",
	 .flags = SL_NODE_STEERS | SL_NODE_TRAILS,
	 .check = steering_check,
	 .process = steering_process,
	 COMMON},
};

SL_PLUGIN("classifier", "0.1.0", "BSD-3-Clause",
	  "Ordered rules on any header field that steer, mark, or drop packets", types);

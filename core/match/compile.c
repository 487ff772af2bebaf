/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules to search trees. A rule is the cross product of its lists; each combination becomes one
 * rule of rte_acl, all with the priority of the rule they come from.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include <sluice/memory.h>

#include "build.h"

/* Most combinations in a tree: about 100 MB while it is built. */
#define MAX_COMBINATIONS 262144
/* What rte_acl may take before it splits a tree in several, which are slower to search. */
#define TREE_BYTES (32u << 20)

/* Every value: what a field is that the rule does not look at. */
static void set_wild(const struct rte_acl_config *config, struct rte_acl_field *fields)
{
	memset(fields, 0, sizeof(*fields) * config->num_fields);
	for (uint32_t i = 0; i < config->num_fields; i++) {
		if (config->defs[i].type == RTE_ACL_FIELD_TYPE_RANGE)
			fields[i].mask_range.u32 =
				(uint32_t)((UINT64_C(1) << (8 * config->defs[i].size)) - 1);
	}
}

static uint64_t combinations(const struct sl_match_build *build)
{
	uint64_t product = 1;

	for (unsigned int i = 0; i < build->dim_count; i++)
		product = RTE_MIN(product * build->dims[i].count, (uint64_t)UINT32_MAX);
	return product;
}

static int add_combinations(struct sl_match_build *build, uint32_t number)
{
	uint32_t at[SL_MATCH_MAX_DIMS] = {0};
	union {
		struct rte_acl_rule rule;
		uint8_t room[RTE_ACL_RULE_SZ(SL_MATCH_MAX_FIELDS)];
	} u;
	uint64_t left = combinations(build);

	memset(&u, 0, sizeof(u));
	u.rule.data.category_mask = 1;
	u.rule.data.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - number);
	u.rule.data.userdata = number + 1;
	set_wild(&build->config, u.rule.field);
	while (left-- > 0) {
		for (unsigned int d = 0; d < build->dim_count; d++) {
			const struct sl_match_dim *dim = &build->dims[d];

			memcpy(&u.rule.field[dim->first], &dim->fields[at[d] * dim->width],
			       dim->width * sizeof(struct rte_acl_field));
		}
		if (rte_acl_add_rules(build->tree->acl, &u.rule, 1) != 0)
			return -ENOMEM;
		for (unsigned int d = 0; d < build->dim_count; d++) {
			if (++at[d] < build->dims[d].count)
				break;
			at[d] = 0;
		}
	}
	return 0;
}

static int create_acl(struct sl_match_build *build, uint64_t rules)
{
	static atomic_uint number;
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_param param = {
		.name = name,
		.socket_id = SOCKET_ID_ANY,
		.rule_size = RTE_ACL_RULE_SZ(build->config.num_fields),
		.max_rule_num = (uint32_t)rules,
	};

	/* A name that exists would give that one's context. */
	snprintf(name, sizeof(name), "sluice-%u", atomic_fetch_add(&number, 1));
	build->tree->acl = rte_acl_create(&param);
	if (build->tree->acl == NULL)
		return sl_fail(build->errors, ENOMEM, "no memory for %u rules: %s",
			       param.max_rule_num, rte_strerror(rte_errno));
	return 0;
}

static int build_acl(struct sl_match_build *build)
{
	int rc;

	build->config.num_categories = 1;
	build->config.max_size = TREE_BYTES;
	rc = rte_acl_build(build->tree->acl, &build->config);
	if (rc != 0) {
		build->config.max_size = 0;
		rc = rte_acl_build(build->tree->acl, &build->config);
	}
	if (rc != 0)
		return sl_fail(build->errors, -rc,
			       "the rules do not fit in memory as a search tree: %s; give the "
			       "engine more memory or use fewer port ranges",
			       rte_strerror(-rc));
	return 0;
}

static int count_rules(struct sl_match_build *build, uint64_t *total)
{
	*total = 0;
	for (uint32_t i = 0; i < build->count; i++) {
		const struct sl_match *match = build->rules[i];
		bool made;

		if (!sl_match_in_group(match, build->group))
			continue;
		made = sl_match_dims(build, match);
		*total += combinations(build);
		sl_match_dims_free(build);
		if (!made)
			return sl_fail(build->errors, ENOMEM, "no memory to compile rules");
		if (*total > MAX_COMBINATIONS)
			return sl_fail_at(build->errors, &match->given,
					  "up to this rule the lists of the rules make more than "
					  "%u combinations; shorten lists or join prefixes",
					  MAX_COMBINATIONS);
	}
	return 0;
}

static int fill_acl(struct sl_match_build *build)
{
	uint64_t total;
	int rc = count_rules(build, &total);

	if (rc == 0)
		rc = create_acl(build, RTE_MAX(total, UINT64_C(1)));
	build->tree->any_rule = total > 0;
	for (uint32_t i = 0; rc == 0 && i < build->count; i++) {
		if (!sl_match_in_group(build->rules[i], build->group))
			continue;
		rc = -ENOMEM;
		if (sl_match_dims(build, build->rules[i]))
			rc = add_combinations(build, i);
		sl_match_dims_free(build);
		if (rc != 0)
			return sl_fail(build->errors, -rc, "no memory to compile rules");
	}
	return rc != 0 || total == 0 ? rc : build_acl(build);
}

/* No rule looks at any word: the first rule of each class is the answer. */
static int fill_by_class(struct sl_match_build *build, const struct sl_class_set *sets,
			 uint32_t set_count)
{
	struct sl_match_tree *tree = build->tree;
	uint32_t set = 0;

	tree->by_class = malloc(256 * sizeof(*tree->by_class));
	if (tree->by_class == NULL)
		return sl_fail(build->errors, ENOMEM, "no memory to compile rules");
	memset(tree->by_class, 0xff, 256 * sizeof(*tree->by_class));
	tree->any_rule = set_count > 0;
	for (uint32_t i = 0; i < build->count; i++) {
		if (!sl_match_in_group(build->rules[i], build->group))
			continue;
		for (unsigned int proto = 0; proto < 256; proto++) {
			for (unsigned int state = 0; state < SL_STATE_COUNT; state++) {
				uint32_t *rule = &tree->by_class[tree->classes.proto[proto] +
								 tree->classes.state[state]];

				if (*rule == SL_NO_MATCH && sl_class_set_proto(&sets[set], proto) &&
				    sets[set].state >> state & 1)
					*rule = i;
			}
		}
		set++;
	}
	return 0;
}

static int build_tree(struct sl_match_build *build)
{
	struct sl_class_set *sets = calloc(build->count + 1, sizeof(*sets));
	uint32_t n = 0;
	int rc;

	if (sets == NULL)
		return sl_fail(build->errors, ENOMEM, "no memory to compile rules");
	for (uint32_t i = 0; i < build->count; i++) {
		if (sl_match_in_group(build->rules[i], build->group))
			sl_match_set(build->rules[i], build->group, &sets[n++]);
	}
	sl_match_lay_out(build);
	if (!sl_classes_make(&build->tree->classes, sets, n))
		rc = sl_fail(build->errors, E2BIG,
			     "the rules tell %u kinds of protocol, side and fragment apart; at "
			     "most 256 are possible: name fewer protocols",
			     build->tree->classes.count);
	else if (build->tree->words == 0)
		rc = fill_by_class(build, sets, n);
	else
		rc = fill_acl(build);
	free(sets);
	return rc;
}

/* Whether PSH decides about segments of a flow: they have ACK and none of the others. */
static bool tells_psh(const struct sl_flag_test *tests, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int others = tests[i].mask & ~(unsigned int)RTE_TCP_PSH_FLAG;

		if (tests[i].mask & RTE_TCP_PSH_FLAG &&
		    (tests[i].value & others) == (RTE_TCP_ACK_FLAG & others))
			return true;
	}
	return false;
}

/* What rules look at that is not the same for all packets of a flow; and `tcp-flags` is checked. */
static int read_rules(struct sl_matcher *matcher, const struct sl_match *const *rules,
		      struct sl_errors *errors)
{
	struct sl_flag_test tests[SL_FLAG_TESTS];
	const char *why;
	int rc = 0;

	for (uint32_t i = 0; i < matcher->count; i++) {
		unsigned int alternatives;

		if (rules[i]->given & SL_MATCH_ICMP_CODE)
			matcher->reads_code = true;
		if (!(rules[i]->given & SL_MATCH_TCP_FLAGS))
			continue;
		alternatives = sl_match_flags(rules[i]->tcp_flags, tests, &why);
		if (alternatives == 0)
			rc = sl_fail_at(errors, &rules[i]->tcp_flags, "`tcp-flags`: %s", why);
		if (tells_psh(tests, alternatives))
			matcher->reads_psh = true;
	}
	return rc;
}

struct sl_matcher *sl_matcher_create(struct sl_instance *instance,
				     const struct sl_match *const *rules, uint32_t count,
				     struct sl_errors *errors)
{
	struct sl_matcher *matcher;

	if (count >= RTE_ACL_MAX_PRIORITY) {
		sl_fail(errors, E2BIG, "too many rules");
		return NULL;
	}
	matcher = instance != NULL ? sl_alloc(instance, sizeof(*matcher))
				   : calloc(1, sizeof(*matcher));
	if (matcher == NULL) {
		sl_fail(errors, ENOMEM, "no memory to compile rules");
		return NULL;
	}
	matcher->instance = instance;
	matcher->count = count;
	if (read_rules(matcher, rules, errors) != 0) {
		sl_matcher_free(matcher);
		return NULL;
	}
	for (unsigned int g = 0; g < SL_GROUP_COUNT; g++) {
		struct sl_match_build build = {
			.group = g,
			.rules = rules,
			.count = count,
			.tree = &matcher->trees[g],
			.errors = errors,
		};

		if (build_tree(&build) != 0) {
			sl_matcher_free(matcher);
			return NULL;
		}
	}
	return matcher;
}

void sl_matcher_free(struct sl_matcher *matcher)
{
	if (matcher == NULL)
		return;
	for (unsigned int g = 0; g < SL_GROUP_COUNT; g++) {
		rte_acl_free(matcher->trees[g].acl);
		free(matcher->trees[g].by_class);
	}
	if (matcher->instance != NULL)
		sl_free(matcher->instance, matcher);
	else
		free(matcher);
}

bool sl_matcher_by_flow(const struct sl_matcher *matcher, const struct rte_mbuf *m)
{
	switch (sl_packet(m)->proto) {
	case IPPROTO_TCP:
		return !matcher->reads_psh;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return !matcher->reads_code;
	default:
		return true;
	}
}

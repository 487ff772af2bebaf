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

#include "match.h"

/* Most combinations in a tree: about 100 MB while it is built. */
#define MAX_COMBINATIONS 262144
/* Fields of a key: class, 2 x 4 address words, 2 ports, 4 types, 2 link, mark, 4 of MACs. */
#define MAX_FIELDS 22
/* Most values of one list of one rule. */
#define MAX_DIMS 12
/* What rte_acl may take before it splits a tree in several, which are slower to search. */
#define TREE_BYTES (32u << 20)

/* The alternatives of one list: `width` neighbouring fields each, from field `first` on. */
struct dim {
	unsigned int first, width;
	uint32_t count, room;
	struct rte_acl_field *fields; /* count x width */
};

struct build {
	enum sl_match_group group;
	const struct sl_match *const *rules;
	uint32_t count;
	struct sl_match_tree *tree;
	struct rte_acl_config config;
	unsigned int field_of[SL_WORD_COUNT];
	struct dim dims[MAX_DIMS];
	unsigned int dim_count;
	struct sl_errors *errors;
};

/* ---- Layout: which words does any rule of the group look at? ---- */

static uint32_t address_words(const struct sl_list *list, enum sl_match_group group,
			      unsigned int first)
{
	uint8_t family = group == SL_GROUP_IPV6 ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	uint32_t words = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);

		for (unsigned int w = 0; prefix->addr.family == family && w * 32 < prefix->length;
		     w++)
			words |= 1u << (first + w);
	}
	return words;
}

static uint32_t rule_words(const struct sl_match *match, enum sl_match_group group)
{
	uint64_t given = match->given;
	uint32_t words = 0;

	if (given & SL_MATCH_FROM)
		words |= address_words(&match->from, group, SL_WORD_SOURCE);
	if (given & SL_MATCH_TO)
		words |= address_words(&match->to, group, SL_WORD_DEST);
	if (given & (SL_MATCH_SPORT | SL_MATCH_DPORT))
		words |= 1u << SL_WORD_PORTS;
	if (given & (SL_MATCH_ICMP_TYPE | SL_MATCH_ICMP_CODE | SL_MATCH_TCP_FLAGS | SL_MATCH_DSCP))
		words |= 1u << SL_WORD_TYPES;
	if (given & (SL_MATCH_VLAN | SL_MATCH_ETHERTYPE))
		words |= 1u << SL_WORD_LINK;
	if (given & SL_MATCH_MARK)
		words |= 1u << SL_WORD_MARK;
	if (given & (SL_MATCH_SRC_MAC | SL_MATCH_DST_MAC))
		words |= 7u << SL_WORD_MACS;
	return words;
}

static void add_field(struct build *build, uint8_t type, uint8_t size, unsigned int input,
		      unsigned int offset)
{
	unsigned int i = build->config.num_fields++;

	build->config.defs[i] = (struct rte_acl_field_def){
		.type = type,
		.size = size,
		.field_index = (uint8_t)i,
		.input_index = (uint8_t)input,
		.offset = offset - SL_KEY_CLASS,
	};
}

static void add_word(struct build *build, unsigned int word, unsigned int input,
		     unsigned int offset)
{
	const uint8_t mask = RTE_ACL_FIELD_TYPE_MASK, range = RTE_ACL_FIELD_TYPE_RANGE;

	build->field_of[word] = build->config.num_fields;
	switch (word) {
	case SL_WORD_PORTS:
	case SL_WORD_LINK:
		add_field(build, range, 2, input, offset);
		add_field(build, range, 2, input, offset + 2);
		return;
	case SL_WORD_TYPES:
		add_field(build, range, 1, input, offset);
		add_field(build, range, 1, input, offset + 1);
		add_field(build, RTE_ACL_FIELD_TYPE_BITMASK, 1, input, offset + 2);
		add_field(build, range, 1, input, offset + 3);
		return;
	case SL_WORD_MARK:
		add_field(build, range, 4, input, offset);
		return;
	case SL_WORD_MACS + 1:
		add_field(build, mask, 2, input, offset);
		add_field(build, mask, 2, input, offset + 2);
		return;
	default:
		add_field(build, mask, 4, input, offset);
		return;
	}
}

static void lay_out(struct build *build)
{
	struct sl_match_tree *tree = build->tree;
	unsigned int offset = SL_KEY_WORDS, input = 1;

	for (uint32_t i = 0; i < build->count; i++) {
		if (sl_match_in_group(build->rules[i], build->group))
			tree->words |= rule_words(build->rules[i], build->group);
	}
	add_field(build, RTE_ACL_FIELD_TYPE_RANGE, 1, 0, SL_KEY_CLASS);
	for (unsigned int word = 0; word < SL_WORD_COUNT; word++) {
		if (!(tree->words & 1u << word))
			continue;
		tree->offset[word] = (uint8_t)offset;
		add_word(build, word, input++, offset);
		offset += 4;
	}
	tree->stride = (uint8_t)offset;
}

/* ---- Alternatives of one rule ---- */

static void dims_free(struct build *build)
{
	for (unsigned int i = 0; i < build->dim_count; i++)
		free(build->dims[i].fields);
	build->dim_count = 0;
}

static struct dim *dim_new(struct build *build, unsigned int first, unsigned int width,
			   uint32_t room)
{
	struct dim *dim = &build->dims[build->dim_count];

	*dim = (struct dim){.first = first, .width = width, .room = room};
	dim->fields = calloc((size_t)room * width + 1, sizeof(*dim->fields));
	if (dim->fields == NULL)
		return NULL;
	build->dim_count++;
	return dim;
}

static int span_order(const void *a, const void *b)
{
	const struct sl_span *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Spans that touch become one: fewer combinations. */
static bool span_dim(struct build *build, const struct sl_list *list, unsigned int field)
{
	struct dim *dim = dim_new(build, field, 1, list->count);
	struct sl_span *spans = calloc(list->count + 1, sizeof(*spans));

	if (dim == NULL || spans == NULL) {
		free(spans);
		return false;
	}
	for (uint32_t i = 0; i < list->count; i++)
		spans[i] = *SL_ITEM(list, struct sl_span, i);
	qsort(spans, list->count, sizeof(*spans), span_order);
	for (uint32_t i = 0; i < list->count; i++) {
		struct rte_acl_field *last = dim->count > 0 ? &dim->fields[dim->count - 1] : NULL;

		if (last != NULL && spans[i].first <= (uint64_t)last->mask_range.u32 + 1) {
			last->mask_range.u32 = RTE_MAX(last->mask_range.u32, spans[i].last);
			continue;
		}
		dim->fields[dim->count].value.u32 = spans[i].first;
		dim->fields[dim->count++].mask_range.u32 = spans[i].last;
	}
	free(spans);
	return true;
}

static bool prefix_dim(struct build *build, const struct sl_list *list, unsigned int first)
{
	uint8_t family = build->group == SL_GROUP_IPV6 ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	unsigned int width = 0;
	struct dim *dim;

	while (width < 4 && build->tree->words & 1u << (first + width))
		width++;
	dim = dim_new(build, build->field_of[first], width, list->count);
	if (dim == NULL)
		return false;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct sl_prefix *prefix = SL_ITEM(list, struct sl_prefix, i);
		struct rte_acl_field *field = &dim->fields[dim->count * width];

		if (prefix->addr.family != family && prefix->addr.family != SL_FAMILY_ANY)
			continue;
		for (unsigned int w = 0; w < width; w++) {
			unsigned int past = 32 * w;

			field[w].value.u32 = rte_be_to_cpu_32(prefix->addr.words[w]);
			field[w].mask_range.u32 = 0;
			if (prefix->addr.family == family && prefix->length > past)
				field[w].mask_range.u32 = RTE_MIN(prefix->length - past, 32u);
		}
		dim->count++;
	}
	return true;
}

static bool mac_dim(struct build *build, const struct sl_list *list, bool source)
{
	/* Fields: destination 4 + 2 bytes, source 2 + 4. */
	unsigned int first = build->field_of[SL_WORD_MACS] + (source ? 2 : 0);
	struct dim *dim = dim_new(build, first, 2, list->count);

	if (dim == NULL)
		return false;
	for (uint32_t i = 0; i < list->count; i++) {
		const uint8_t *b = SL_ITEM(list, struct rte_ether_addr, i)->addr_bytes;
		unsigned int bytes[2] = {source ? 2 : 4, source ? 4 : 2};

		for (unsigned int f = 0; f < 2; f++) {
			uint32_t value = 0;

			for (unsigned int k = 0; k < bytes[f]; k++)
				value = value << 8 | *b++;
			dim->fields[2 * i + f].value.u32 = value;
			dim->fields[2 * i + f].mask_range.u32 = bytes[f] * 8;
		}
	}
	dim->count = list->count;
	return true;
}

static bool flags_dim(struct build *build, const struct sl_match *match, unsigned int field)
{
	struct dim *dim = dim_new(build, field, 1, SL_FLAG_TESTS);
	struct sl_flag_test tests[SL_FLAG_TESTS];
	const char *why;

	if (dim == NULL)
		return false;
	dim->count = sl_match_flags(match->tcp_flags, tests, &why);
	for (uint32_t i = 0; i < dim->count; i++) {
		dim->fields[i].value.u8 = tests[i].value;
		dim->fields[i].mask_range.u8 = tests[i].mask;
	}
	return true;
}

/* The accepted classes, as ranges of their numbers. */
static bool class_dim(struct build *build, const struct sl_match *match)
{
	const struct sl_classes *classes = &build->tree->classes;
	struct dim *dim = dim_new(build, 0, 1, 128);
	struct sl_class_set set;
	bool accepted[257] = {0};

	if (dim == NULL)
		return false;
	sl_match_set(match, build->group, &set);
	for (unsigned int proto = 0; proto < 256; proto++) {
		for (unsigned int state = 0; state < SL_STATE_COUNT; state++) {
			if (sl_class_set_proto(&set, proto) && set.state >> state & 1)
				accepted[classes->proto[proto] + classes->state[state]] = true;
		}
	}
	for (unsigned int i = 0; i < 256; i++) {
		if (!accepted[i])
			continue;
		if (i == 0 || !accepted[i - 1])
			dim->fields[dim->count].value.u8 = (uint8_t)i;
		if (!accepted[i + 1])
			dim->fields[dim->count++].mask_range.u8 = (uint8_t)i;
	}
	return true;
}

static bool rule_dims(struct build *build, const struct sl_match *match)
{
	const unsigned int *field_of = build->field_of;
	uint64_t given = match->given;
	uint32_t words = build->tree->words;

	build->dim_count = 0;
	return class_dim(build, match) &&
	       (!(given & SL_MATCH_FROM && words & 1u << SL_WORD_SOURCE) ||
		prefix_dim(build, &match->from, SL_WORD_SOURCE)) &&
	       (!(given & SL_MATCH_TO && words & 1u << SL_WORD_DEST) ||
		prefix_dim(build, &match->to, SL_WORD_DEST)) &&
	       (!(given & SL_MATCH_SPORT) ||
		span_dim(build, &match->sport, field_of[SL_WORD_PORTS])) &&
	       (!(given & SL_MATCH_DPORT) ||
		span_dim(build, &match->dport, field_of[SL_WORD_PORTS] + 1)) &&
	       (!(given & SL_MATCH_ICMP_TYPE) ||
		span_dim(build, &match->icmp_type, field_of[SL_WORD_TYPES])) &&
	       (!(given & SL_MATCH_ICMP_CODE) ||
		span_dim(build, &match->icmp_code, field_of[SL_WORD_TYPES] + 1)) &&
	       (!(given & SL_MATCH_TCP_FLAGS) ||
		flags_dim(build, match, field_of[SL_WORD_TYPES] + 2)) &&
	       (!(given & SL_MATCH_DSCP) ||
		span_dim(build, &match->dscp, field_of[SL_WORD_TYPES] + 3)) &&
	       (!(given & SL_MATCH_VLAN) ||
		span_dim(build, &match->vlan, field_of[SL_WORD_LINK])) &&
	       (!(given & SL_MATCH_ETHERTYPE) ||
		span_dim(build, &match->ethertype, field_of[SL_WORD_LINK] + 1)) &&
	       (!(given & SL_MATCH_MARK) ||
		span_dim(build, &match->mark, field_of[SL_WORD_MARK])) &&
	       (!(given & SL_MATCH_SRC_MAC) || mac_dim(build, &match->src_mac, true)) &&
	       (!(given & SL_MATCH_DST_MAC) || mac_dim(build, &match->dst_mac, false));
}

/* ---- Rules into the tree ---- */

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

static uint64_t combinations(const struct build *build)
{
	uint64_t product = 1;

	for (unsigned int i = 0; i < build->dim_count; i++)
		product = RTE_MIN(product * build->dims[i].count, (uint64_t)UINT32_MAX);
	return product;
}

static int add_combinations(struct build *build, uint32_t number)
{
	uint32_t at[MAX_DIMS] = {0};
	union {
		struct rte_acl_rule rule;
		uint8_t room[RTE_ACL_RULE_SZ(MAX_FIELDS)];
	} u;
	uint64_t left = combinations(build);

	memset(&u, 0, sizeof(u));
	u.rule.data.category_mask = 1;
	u.rule.data.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - number);
	u.rule.data.userdata = number + 1;
	set_wild(&build->config, u.rule.field);
	while (left-- > 0) {
		for (unsigned int d = 0; d < build->dim_count; d++) {
			const struct dim *dim = &build->dims[d];

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

static int create_acl(struct build *build, uint64_t rules)
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

static int build_acl(struct build *build)
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

static int count_rules(struct build *build, uint64_t *total)
{
	*total = 0;
	for (uint32_t i = 0; i < build->count; i++) {
		const struct sl_match *match = build->rules[i];
		bool made;

		if (!sl_match_in_group(match, build->group))
			continue;
		made = rule_dims(build, match);
		*total += combinations(build);
		dims_free(build);
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

static int fill_acl(struct build *build)
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
		if (rule_dims(build, build->rules[i]))
			rc = add_combinations(build, i);
		dims_free(build);
		if (rc != 0)
			return sl_fail(build->errors, -rc, "no memory to compile rules");
	}
	return rc != 0 || total == 0 ? rc : build_acl(build);
}

/* No rule looks at any word: the first rule of each class is the answer. */
static int fill_by_class(struct build *build, const struct sl_class_set *sets, uint32_t set_count)
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

static int build_tree(struct build *build)
{
	struct sl_class_set *sets = malloc((build->count + 1) * sizeof(*sets));
	uint32_t n = 0;
	int rc;

	if (sets == NULL)
		return sl_fail(build->errors, ENOMEM, "no memory to compile rules");
	for (uint32_t i = 0; i < build->count; i++) {
		if (sl_match_in_group(build->rules[i], build->group))
			sl_match_set(build->rules[i], build->group, &sets[n++]);
	}
	lay_out(build);
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

static int check_flags(const struct sl_match *const *rules, uint32_t count,
		       struct sl_errors *errors)
{
	struct sl_flag_test tests[SL_FLAG_TESTS];
	const char *why;
	int rc = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (rules[i]->given & SL_MATCH_TCP_FLAGS &&
		    sl_match_flags(rules[i]->tcp_flags, tests, &why) == 0)
			rc = sl_fail_at(errors, &rules[i]->tcp_flags, "`tcp-flags`: %s", why);
	}
	return rc;
}

struct sl_matcher *sl_matcher_create(struct sl_instance *instance,
				     const struct sl_match *const *rules, uint32_t count,
				     struct sl_errors *errors)
{
	struct sl_matcher *matcher;

	if (check_flags(rules, count, errors) != 0)
		return NULL;
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
	for (unsigned int g = 0; g < SL_GROUP_COUNT; g++) {
		struct build build = {
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

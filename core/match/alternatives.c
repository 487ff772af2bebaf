/* SPDX-License-Identifier: BSD-3-Clause */
/* The alternatives of one rule: each of its lists, as values and masks of neighbouring fields. */
#include <stdlib.h>

#include "build.h"

void sl_match_dims_free(struct sl_match_build *build)
{
	for (unsigned int i = 0; i < build->dim_count; i++)
		free(build->dims[i].fields);
	build->dim_count = 0;
}

static struct sl_match_dim *dim_new(struct sl_match_build *build, unsigned int first,
				    unsigned int width, uint32_t room)
{
	struct sl_match_dim *dim = &build->dims[build->dim_count];

	*dim = (struct sl_match_dim){.first = first, .width = width, .room = room};
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
static bool span_dim(struct sl_match_build *build, const struct sl_list *list, unsigned int field)
{
	struct sl_match_dim *dim = dim_new(build, field, 1, list->count);
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

static bool prefix_dim(struct sl_match_build *build, const struct sl_list *list, unsigned int first)
{
	uint8_t family = build->group == SL_GROUP_IPV6 ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	unsigned int width = 0;
	struct sl_match_dim *dim;

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

static bool mac_dim(struct sl_match_build *build, const struct sl_list *list, bool source)
{
	/* Fields: destination 4 + 2 bytes, source 2 + 4. */
	unsigned int first = build->field_of[SL_WORD_MACS] + (source ? 2 : 0);
	struct sl_match_dim *dim = dim_new(build, first, 2, list->count);

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

static bool flags_dim(struct sl_match_build *build, const struct sl_match *match,
		      unsigned int field)
{
	struct sl_match_dim *dim = dim_new(build, field, 1, SL_FLAG_TESTS);
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
static bool class_dim(struct sl_match_build *build, const struct sl_match *match)
{
	const struct sl_classes *classes = &build->tree->classes;
	struct sl_match_dim *dim = dim_new(build, 0, 1, 128);
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

bool sl_match_dims(struct sl_match_build *build, const struct sl_match *match)
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

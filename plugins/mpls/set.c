/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration compiled: what packets are looked up in. */
#include <string.h>

#include "mpls.h"

#define LABEL_SHIFT 12

/* Implicit null is never on the wire (RFC 3032 section 2.1): it is left out. */
static void fill_labels(struct mpls_push *push, const struct sl_list *labels)
{
	for (uint32_t i = 0; i < labels->count; i++) {
		uint64_t label = *SL_ITEM(labels, uint64_t, i);

		if (label != MPLS_IMPLICIT_NULL)
			push->labels[push->count++] = (uint32_t)label << LABEL_SHIFT;
	}
}

static void fill_fec(struct mpls_push *push, const struct mpls_fec_config *fec,
		     const struct mpls_config *config)
{
	fill_labels(push, &fec->push);
	push->own_tc = fec->given & FEC_TC;
	push->tc = (uint8_t)fec->tc;
	push->own_ttl = fec->given & FEC_TTL || config->ttl == MPLS_PIPE;
	push->ttl = (uint8_t)(fec->given & FEC_TTL ? fec->ttl : config->pipe_ttl);
	push->set_dst = fec->given & FEC_NEXT_HOP;
	push->dst = fec->next_hop;
	push->set_src = fec->given & FEC_SOURCE_MAC;
	push->src = fec->source_mac;
}

static void fill_entry(struct mpls_entry *entry, const struct mpls_label_config *label,
		       const struct mpls_config *config)
{
	struct mpls_push *push = &entry->push;

	entry->action = MPLS_PHP;
	if (label->given & LABEL_POP)
		entry->action = MPLS_POP;
	else if (label->given & LABEL_SWAP && label->swap != MPLS_IMPLICIT_NULL)
		entry->action = MPLS_SWAP;
	entry->label = (uint32_t)label->swap << LABEL_SHIFT;
	fill_labels(push, &label->push);
	push->own_tc = label->given & LABEL_TC;
	push->tc = (uint8_t)label->tc;
	push->own_ttl = label->given & LABEL_TTL || config->ttl == MPLS_PIPE;
	push->ttl = (uint8_t)(label->given & LABEL_TTL ? label->ttl : config->pipe_ttl);
	push->set_dst = label->given & LABEL_NEXT_HOP;
	push->dst = label->next_hop;
	push->set_src = label->given & LABEL_SOURCE_MAC;
	push->src = label->source_mac;
}

static void fill_maps(struct mpls_set *set, const struct mpls_config *config)
{
	for (uint32_t dscp = 0; dscp < 64; dscp++)
		set->tc_of_dscp[dscp] = (uint8_t)(dscp >> 3);
	for (uint32_t tc = 0; tc < 8; tc++)
		set->dscp_of_tc[tc] = (uint8_t)(tc << 3);
	for (uint32_t i = 0; i < config->tc_map.count; i++) {
		const struct mpls_tc_config *map =
			SL_ITEM(&config->tc_map, struct mpls_tc_config, i);

		for (uint32_t j = 0; j < map->dscp.count; j++) {
			const struct sl_span *span = SL_ITEM(&map->dscp, struct sl_span, j);

			memset(set->tc_of_dscp + span->first, (int)map->tc,
			       span->last - span->first + 1);
		}
	}
	for (uint32_t i = 0; i < config->dscp_map.count; i++) {
		const struct mpls_dscp_config *map =
			SL_ITEM(&config->dscp_map, struct mpls_dscp_config, i);

		set->dscp_of_tc[map->tc] = (uint8_t)map->dscp;
	}
}

static int map_label(struct sl_instance *instance, struct mpls_set *set, unsigned int side,
		     uint64_t label, uint32_t number)
{
	uint32_t **page = &set->pages[side][label / MPLS_PAGE];

	if (*page == NULL)
		*page = sl_alloc(instance, MPLS_PAGE * sizeof(**page));
	if (*page == NULL)
		return -ENOMEM;
	(*page)[label % MPLS_PAGE] = number + 1;
	return 0;
}

static int fill_labels_map(struct sl_instance *instance, struct mpls_set *set)
{
	for (uint32_t i = 0; i < set->entry_count; i++) {
		const struct mpls_label_config *label =
			SL_ITEM(&set->config->labels, struct mpls_label_config, i);

		fill_entry(&set->entries[i], label, set->config);
		if (label->from != MPLS_FROM_OUTSIDE &&
		    map_label(instance, set, SL_INSIDE, label->label, i) != 0)
			return -ENOMEM;
		if (label->from != MPLS_FROM_INSIDE &&
		    map_label(instance, set, SL_OUTSIDE, label->label, i) != 0)
			return -ENOMEM;
	}
	return 0;
}

void sl_mpls_set_free(struct sl_instance *instance, struct mpls_set *set)
{
	if (set == NULL)
		return;
	sl_matcher_free(set->matcher);
	for (unsigned int i = 0; i < MPLS_LABELS / MPLS_PAGE; i++) {
		sl_free(instance, set->pages[SL_INSIDE][i]);
		sl_free(instance, set->pages[SL_OUTSIDE][i]);
	}
	sl_free(instance, set->fecs);
	sl_free(instance, set->entries);
	sl_free(instance, set->counts);
	sl_free(instance, set);
}

static struct mpls_set *allocate(struct sl_instance *instance, const struct mpls_config *config)
{
	struct mpls_set *set = sl_alloc(instance, sizeof(*set));
	uint32_t line = RTE_CACHE_LINE_SIZE / sizeof(struct mpls_count);

	if (set == NULL)
		return NULL;
	set->config = config;
	set->fec_count = config->fecs.count;
	set->entry_count = config->labels.count;
	set->workers = sl_instance_workers(instance);
	/* Workers' counters share no cache line. */
	set->stride = RTE_ALIGN_CEIL(set->fec_count + set->entry_count + 1, line);
	set->fecs = sl_alloc(instance, (set->fec_count + 1) * sizeof(*set->fecs));
	set->entries = sl_alloc(instance, (set->entry_count + 1) * sizeof(*set->entries));
	set->counts = sl_alloc(instance, (size_t)set->stride * set->workers * sizeof(*set->counts));
	if (set->fecs == NULL || set->entries == NULL || set->counts == NULL) {
		sl_mpls_set_free(instance, set);
		return NULL;
	}
	return set;
}

struct mpls_set *sl_mpls_set_new(struct sl_instance *instance, const struct mpls_config *config,
				 struct sl_errors *errors)
{
	const struct sl_match **list = sl_alloc(instance, (config->fecs.count + 1) * sizeof(*list));
	struct mpls_set *set = allocate(instance, config);

	if (set == NULL || list == NULL || fill_labels_map(instance, set) != 0) {
		sl_fail(errors, ENOMEM, "no memory for %u FECs and %u labels", config->fecs.count,
			config->labels.count);
		sl_free(instance, list);
		sl_mpls_set_free(instance, set);
		return NULL;
	}
	fill_maps(set, config);
	set->pipe_ttl = (uint8_t)config->pipe_ttl;
	set->max_labels = (uint8_t)config->max_labels;
	set->uniform_ttl = config->ttl == MPLS_UNIFORM;
	set->uniform_diffserv = config->diffserv == MPLS_UNIFORM;
	set->decrement = config->decrement;
	set->drop_unlabelled = config->unlabelled == MPLS_DROP;
	for (uint32_t i = 0; i < set->fec_count; i++) {
		const struct mpls_fec_config *fec =
			SL_ITEM(&config->fecs, struct mpls_fec_config, i);

		fill_fec(&set->fecs[i], fec, config);
		list[i] = &fec->match;
	}
	set->matcher = sl_matcher_create(instance, list, set->fec_count, errors);
	sl_free(instance, list);
	if (set->matcher == NULL) {
		sl_mpls_set_free(instance, set);
		return NULL;
	}
	return set;
}

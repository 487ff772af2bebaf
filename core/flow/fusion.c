/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_malloc.h>

#include <core/flow/flow.h>
#include <core/plugin/instance.h>

/* Of the one engine; here because sl_unfuse() is told only an instance. */
static _Atomic uint64_t changes = 1, all = 1;

uint64_t sl_fusion_changes(void)
{
	return atomic_load_explicit(&changes, memory_order_acquire);
}

uint64_t sl_fusion_all(void)
{
	return atomic_load_explicit(&all, memory_order_relaxed);
}

void sl_unfuse(struct sl_instance *instance)
{
	/* Release: who reads the new epoch sees the new state (sl_trails_arrive()). */
	atomic_fetch_add_explicit(&instance->fusion_epoch, 1, memory_order_release);
	atomic_fetch_add_explicit(&changes, 1, memory_order_release);
}

void sl_unfuse_all(void)
{
	atomic_fetch_add_explicit(&all, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&changes, 1, memory_order_release);
}

static const char *const modes[] = {"off", "on", "verify"};

int sl_fusion_mode_of(const char *word)
{
	for (int i = 0; i < 3; i++)
		if (strcmp(modes[i], word) == 0)
			return i;
	return -1;
}

const char *sl_fusion_mode_name(unsigned int mode)
{
	return mode < 3 ? modes[mode] : "?";
}

struct sl_fusion *sl_fusion_new(const struct sl_fusion_conf *conf, struct sl_errors *errors)
{
	struct sl_fusion *fusion = rte_zmalloc("sl_fusion", sizeof(*fusion), RTE_CACHE_LINE_SIZE);

	if (fusion == NULL) {
		sl_fail(errors, ENOMEM, "no memory for flow fusion");
		return NULL;
	}
	fusion->conf = *conf;
	fusion->countdown = atomic_load(&conf->control->sample);
	if (fusion->countdown == 0)
		fusion->countdown = UINT32_MAX;
	fusion->records = MOST_RECORDED;
	fusion->saved = SAVED_AT_FIRST;
	fusion->seen_changes = sl_fusion_changes();
	fusion->seen_all = sl_fusion_all();
	atomic_store(&fusion->swept_changes, fusion->seen_changes);
	if (sl_contexts_init(fusion, errors) == 0 && sl_courses_init(fusion, errors) == 0 &&
	    sl_flows_init(fusion, errors) == 0 && sl_trails_init(fusion, errors) == 0)
		return fusion;
	sl_fusion_free(fusion);
	return NULL;
}

void sl_fusion_free(struct sl_fusion *fusion)
{
	if (fusion == NULL)
		return;
	for (unsigned int lane = 0; lane < LANES; lane++) {
		sl_index_free(fusion->lanes[lane].index);
		sl_growth_free(fusion->lanes[lane].growth);
	}
	sl_growth_free(fusion->tie_growth);
	sl_growth_free(fusion->course_growth);
	free(fusion->course_heads);
	sl_index_free(fusion->context_index);
	sl_free_table(NULL, fusion->contexts);
	sl_free_table(NULL, fusion->trails);
	rte_free(fusion);
}

bool sl_fusion_swept(const struct sl_fusion *fusion, uint64_t since)
{
	return atomic_load_explicit(&fusion->swept_changes, memory_order_acquire) >= since;
}

bool sl_fusion_sweep(struct sl_fusion *fusion)
{
	return unlikely(fusion->sweeping != 0) && sl_flows_sweep(fusion);
}

void sl_fusion_stats(const struct sl_fusion *fusion, struct sl_fusion_stats *stats)
{
	const uint64_t *from = (const uint64_t *)&fusion->stats;
	uint64_t *to = (uint64_t *)stats;

	for (unsigned int i = 0; i < sizeof(*stats) / sizeof(*to); i++)
		to[i] = sl_tally_read(&from[i]);
	stats->capacity = (uint64_t)fusion->conf.flows * LANES;
	stats->memory =
		sl_growth_present(fusion->tie_growth) + sl_growth_present(fusion->course_growth);
	for (unsigned int i = 0; i < LANES; i++) {
		struct sl_index_stats index;

		sl_index_stats(fusion->lanes[i].index, &index);
		stats->memory += sl_growth_present(fusion->lanes[i].growth) + index.memory;
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Courses: found by all that they are, so that flows which go the same way share one. Packets of
 * a flow only count in its course; hops and counters are credited when the course is settled, a
 * millisecond later at most.
 */
#include <errno.h>
#include <stdlib.h>

#include <core/flow/flow.h>
#include <core/plugin/instance.h>

int sl_courses_init(struct sl_fusion *fusion, struct sl_errors *errors)
{
	fusion->course_heads = malloc(COURSE_HEADS * sizeof(*fusion->course_heads));
	fusion->course_growth =
		sl_growth_new(NULL, MOST_COURSES * sizeof(struct course), SL_GROWTH_HUGE);
	if (fusion->course_heads == NULL || fusion->course_growth == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	fusion->courses = sl_growth_memory(fusion->course_growth);
	memset(fusion->course_heads, 0xff, COURSE_HEADS * sizeof(*fusion->course_heads));
	fusion->course_free = fusion->course_last = NONE;
	fusion->dirty = DIRTY_END;
	return 0;
}

static uint32_t hash_of(const struct course *course)
{
	uint32_t hash = sl_index_hash(&course->action, offsetof(struct action, front));

	hash ^= sl_index_hash(course->action.front,
			      RTE_ALIGN_CEIL(course->action.front_length, 8u));
	hash = hash * 31 + sl_index_hash(course->steps, course->step_count * sizeof(struct step));
	return hash * 31 +
	       sl_index_hash(course->credits, course->credit_count * sizeof(struct credit));
}

/* Actions, steps and credits are made in zeroed memory and copied whole: what lies between members
 * is equal, too. */
static bool same(const struct course *a, const struct course *b)
{
	return a->step_count == b->step_count && a->credit_count == b->credit_count &&
	       memcmp((const void *)&a->action, (const void *)&b->action,
		      offsetof(struct action, front) + a->action.front_length) == 0 &&
	       memcmp(a->steps, b->steps, a->step_count * sizeof(a->steps[0])) == 0 &&
	       memcmp(a->credits, b->credits, a->credit_count * sizeof(a->credits[0])) == 0;
}

uint32_t sl_course_get(struct sl_fusion *fusion, const struct course *wanted)
{
	uint32_t hash, *head, number = fusion->course_last;
	struct course *course;

	/* Most flows go the way of the one before. */
	if (number != NONE && course_at(fusion, number)->valid &&
	    same(course_at(fusion, number), wanted)) {
		course_at(fusion, number)->flows++;
		return number;
	}
	hash = hash_of(wanted);
	head = &fusion->course_heads[hash % COURSE_HEADS];
	for (number = *head; number != NONE; number = course->next) {
		course = course_at(fusion, number);
		if (course->hash == hash && course->valid && same(course, wanted)) {
			course->flows++;
			fusion->course_last = number;
			return number;
		}
	}
	number = fusion->course_free;
	if (number != NONE) {
		fusion->course_free = course_at(fusion, number)->next;
	} else {
		number = fusion->course_fresh;
		if (number == MOST_COURSES ||
		    !sl_growth_reach(fusion->course_growth,
				     ((size_t)number + 1) * sizeof(struct course)))
			return NONE;
		fusion->course_fresh++;
	}
	course = course_at(fusion, number);
	memcpy(course, wanted, COURSE_IDENTITY);
	course->packets = course->bytes = 0;
	course->dirty = NONE;
	course->flows = 1;
	course->hash = hash;
	course->valid = course->used = true;
	course->next = *head;
	*head = number;
	fusion->course_last = number;
	bump(&fusion->stats.actions, 1);
	return number;
}

void sl_course_put(struct sl_fusion *fusion, uint32_t number)
{
	struct course *course = course_at(fusion, number);
	uint32_t *link = &fusion->course_heads[course->hash % COURSE_HEADS];

	if (--course->flows > 0)
		return;
	/* It may be in the list of the dirty ones: then it goes when it was settled. */
	if (course->dirty != NONE)
		return;
	while (*link != number)
		link = &course_at(fusion, *link)->next;
	*link = course->next;
	course->used = course->valid = false;
	course->next = fusion->course_free;
	fusion->course_free = number;
	bump(&fusion->stats.actions, UINT64_MAX);
}

void sl_course_settle(struct sl_fusion *fusion, struct course *course)
{
	uint64_t packets = course->packets, bytes = course->bytes;

	(void)fusion;
	if (packets == 0)
		return;
	course->packets = course->bytes = 0;
	for (uint32_t i = 0; i < course->step_count; i++) {
		struct step *step = &course->steps[i];

		sl_tally(&step->hop->packets, packets);
		sl_tally(&step->hop->fused, packets);
		sl_tally(&step->hop->bytes, bytes + packets * (uint64_t)(int64_t)step->longer);
	}
	for (uint32_t i = 0; i < course->credit_count; i++) {
		const struct credit *credit = &course->credits[i];

		if (credit->packets != NULL)
			sl_tally(credit->packets, packets);
		if (credit->bytes != NULL)
			sl_tally(credit->bytes,
				 bytes + packets * (uint64_t)(int64_t)credit->longer);
	}
}

void sl_fusion_settle(struct sl_fusion *fusion)
{
	while (fusion->dirty != DIRTY_END) {
		uint32_t number = fusion->dirty;
		struct course *course = course_at(fusion, number);

		fusion->dirty = course->dirty;
		course->dirty = NONE;
		sl_course_settle(fusion, course);
		if (course->flows == 0) {
			course->flows = 1;
			sl_course_put(fusion, number);
		}
	}
}

static bool stale(const struct course *course)
{
	for (uint32_t i = 0; i < course->step_count; i++) {
		const struct step *step = &course->steps[i];

		if (atomic_load_explicit(&step->instance->fusion_epoch, memory_order_relaxed) !=
		    step->epoch)
			return true;
	}
	return false;
}

void sl_fusion_refresh(struct sl_fusion *fusion)
{
	uint64_t changes = sl_fusion_changes(), all;
	bool any = false;

	if (likely(changes == fusion->seen_changes))
		return;
	all = sl_fusion_all();
	/* What was un-fused may be gone when the worker is quiescent the next time. */
	sl_fusion_settle(fusion);
	for (uint32_t i = 0; i < fusion->course_fresh; i++) {
		struct course *course = course_at(fusion, i);

		if (course->valid && (all != fusion->seen_all || stale(course))) {
			course->valid = false;
			any = true;
		}
	}
	fusion->seen_changes = changes;
	fusion->seen_all = all;
	/* Their flows end when they are met, or in a sweep. */
	for (unsigned int lane = 0; lane < LANES && any; lane++)
		fusion->lanes[lane].swept = fusion->lanes[lane].fresh;
	if (any)
		fusion->records = FIRST_RECORDED;
	if (any || fusion->sweeping != 0)
		fusion->sweeping = changes;
	else
		atomic_store_explicit(&fusion->swept_changes, changes, memory_order_release);
}

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
	memset(fusion->course_guesses, 0xff, sizeof(fusion->course_guesses));
	fusion->course_free = NONE;
	fusion->dirty = DIRTY_END;
	return 0;
}

static uint32_t hash_of(const struct action *action, const struct sl_trail *trail)
{
	uint32_t hash = sl_index_hash(action, offsetof(struct action, front));

	hash ^= sl_index_hash(action->front, RTE_ALIGN_CEIL(action->front_length, 8u));
	hash = hash * 31 + sl_index_hash(trail->steps, trail->step_count * sizeof(struct step));
	return hash * 31 +
	       sl_index_hash(trail->credits, trail->credit_count * sizeof(struct credit));
}

/* Courses that many flows go at a time differ in what they count: which rule, which backend, which
 * meter. A sum of that takes a tenth of the time of the hash of it all. */
static uint32_t *guess_of(struct sl_fusion *fusion, const struct action *action,
			  const struct sl_trail *trail)
{
	uint64_t sum = trail->step_count + action->handle;

	for (uint32_t i = 0; i < trail->credit_count; i++)
		sum += (uintptr_t)trail->credits[i].packets * (2 * (uint64_t)i + 1);
	return &fusion->course_guesses[(sum * 0x9e3779b97f4a7c15ull) >> 32 & (COURSE_GUESSES - 1)];
}

/* Actions, steps and credits are made in zeroed memory and copied whole: what lies between members
 * is equal, too. */
static bool same(const struct course *course, const struct action *action,
		 const struct sl_trail *trail)
{
	return course->valid && course->step_count == trail->step_count &&
	       course->credit_count == trail->credit_count &&
	       memcmp((const void *)&course->action, (const void *)action,
		      offsetof(struct action, front) + action->front_length) == 0 &&
	       memcmp(course->steps, trail->steps, trail->step_count * sizeof(struct step)) == 0 &&
	       memcmp(course->credits, trail->credits,
		      trail->credit_count * sizeof(struct credit)) == 0;
}

/* A free one, or NONE. */
static uint32_t take_course(struct sl_fusion *fusion)
{
	uint32_t number = fusion->course_free;

	if (number != NONE) {
		fusion->course_free = course_at(fusion, number)->next;
		return number;
	}
	number = fusion->course_fresh;
	if (number == MOST_COURSES ||
	    !sl_growth_reach(fusion->course_growth, ((size_t)number + 1) * sizeof(struct course)))
		return NONE;
	fusion->course_fresh++;
	return number;
}

static void fill(struct course *course, const struct action *action, const struct sl_trail *trail)
{
	memcpy((void *)&course->action, (const void *)action, sizeof(*action));
	course->step_count = trail->step_count;
	memcpy(course->steps, trail->steps, trail->step_count * sizeof(struct step));
	course->credit_count = trail->credit_count;
	memcpy(course->credits, trail->credits, trail->credit_count * sizeof(struct credit));
	course->packets = course->bytes = 0;
	course->dirty = NONE;
	course->flows = 1;
	course->valid = course->used = true;
}

uint32_t sl_course_get(struct sl_fusion *fusion, const struct action *action,
		       const struct sl_trail *trail)
{
	uint32_t hash, *head, *guess = guess_of(fusion, action, trail), number = *guess;
	struct course *course;

	if (number != NONE && same(course_at(fusion, number), action, trail)) {
		course_at(fusion, number)->flows++;
		return number;
	}
	hash = hash_of(action, trail);
	head = &fusion->course_heads[hash % COURSE_HEADS];
	for (number = *head; number != NONE; number = course->next) {
		course = course_at(fusion, number);
		if (course->hash == hash && same(course, action, trail)) {
			course->flows++;
			*guess = number;
			return number;
		}
	}
	number = take_course(fusion);
	if (number == NONE)
		return NONE;
	course = course_at(fusion, number);
	fill(course, action, trail);
	course->hash = hash;
	course->next = *head;
	*head = *guess = number;
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* What nodes say on a trail: sluice/trail.h. */
#include <core/flow/flow.h>
#include <core/graph/frame.h>
#include <core/plugin/instance.h>

struct sl_trail *sl_trail_get(struct sl_node *node, const struct rte_mbuf *m)
{
	struct sl_fusion *fusion = fusion_of(node);
	uint32_t number = trail_number(m);

	if (number >= MOST_TRAILS || fusion->trails[number].m != m)
		return NULL;
	return &fusion->trails[number];
}

void sl_trail_refuse(struct sl_trail *trail)
{
	trail->refused = true;
}

void sl_trail_pass(struct sl_trail *trail)
{
	trail->spoken = true;
}

static inline int16_t longer(const struct sl_trail *trail)
{
	return trail->steps[trail->step_count].longer;
}

/* A field of the original headers. */
static void set_original(struct sl_trail *trail, enum sl_field field, const void *value)
{
	unsigned int size = trail->family == SL_L3_IPV4 ? 4 : 16;

	switch (field) {
	case SL_FIELD_IP_SRC:
		memcpy(trail->src, value, size);
		trail->addresses_set = true;
		break;
	case SL_FIELD_IP_DST:
		memcpy(trail->dst, value, size);
		trail->addresses_set = true;
		break;
	case SL_FIELD_IP_TOS:
		trail->tos = *(const uint8_t *)value;
		trail->tos_set = true;
		break;
	default:
		break;
	}
}

static void write_front(struct sl_trail *trail, unsigned int at, const void *value,
			unsigned int size)
{
	if (at + size > trail->front_length) {
		sl_trail_refuse(trail);
		return;
	}
	if (memcmp(trail->front + at, value, size) == 0)
		return;
	memcpy(trail->front + at, value, size);
	trail->front_changed = true;
}

/* A field of a header that was pushed. What its checksums cover is summed up when the trail is
 * compiled; a UDP checksum that is not zero cannot be. */
static void set_pushed(struct sl_trail *trail, enum sl_field field, const void *value)
{
	unsigned int l3 = (unsigned int)trail->l3;
	bool ipv4 = trail->front[l3] >> 4 == 4;
	uint32_t word;

	switch (field) {
	case SL_FIELD_IP_SRC:
		write_front(trail, l3 + (ipv4 ? 12 : 8), value, ipv4 ? 4 : 16);
		break;
	case SL_FIELD_IP_DST:
		write_front(trail, l3 + (ipv4 ? 16 : 24), value, ipv4 ? 4 : 16);
		break;
	case SL_FIELD_IP_TOS:
		if (ipv4) {
			write_front(trail, l3 + 1, value, 1);
			break;
		}
		memcpy(&word, trail->front + l3, 4);
		word = rte_be_to_cpu_32(word);
		word = (word & ~UINT32_C(0x0ff00000)) | (uint32_t) * (const uint8_t *)value << 20;
		word = rte_cpu_to_be_32(word);
		write_front(trail, l3, &word, 4);
		break;
	default:
		break;
	}
}

void sl_trail_set(struct sl_trail *trail, enum sl_field field, const void *value)
{
	trail->spoken = true;
	switch (field) {
	case SL_FIELD_ETH_DST:
		write_front(trail, 0, value, 6);
		return;
	case SL_FIELD_ETH_SRC:
		write_front(trail, 6, value, 6);
		return;
	case SL_FIELD_MARK:
		memcpy(&trail->mark, value, sizeof(trail->mark));
		trail->mark_set = true;
		return;
	case SL_FIELD_IP_SRC:
	case SL_FIELD_IP_DST:
	case SL_FIELD_IP_TOS:
		if (trail->l3 == ORIGINAL)
			set_original(trail, field, value);
		else if (trail->l3 >= 0)
			set_pushed(trail, field, value);
		else
			sl_trail_refuse(trail);
		return;
	case SL_FIELD_L4_SRC:
	case SL_FIELD_L4_DST:
		if (trail->l4 != ORIGINAL) {
			sl_trail_refuse(trail);
			return;
		}
		memcpy(field == SL_FIELD_L4_SRC ? &trail->sport : &trail->dport, value, 2);
		trail->addresses_set = true;
		return;
	}
	sl_trail_refuse(trail);
}

static uint8_t *pushed_ttl(struct sl_trail *trail)
{
	return &trail->front[trail->l3 + (trail->front[trail->l3] >> 4 == 4 ? 8 : 7)];
}

void sl_trail_ttl_least(struct sl_trail *trail, uint8_t least)
{
	unsigned int needed = least + (unsigned int)trail->ttl_less;

	trail->spoken = true;
	if (trail->l3 == ORIGINAL) {
		if (needed > UINT8_MAX)
			sl_trail_refuse(trail);
		else
			trail->ttl_least = (uint8_t)RTE_MAX(trail->ttl_least, needed);
		return;
	}
	if (trail->l3 < 0 || *pushed_ttl(trail) < least)
		sl_trail_refuse(trail);
}

void sl_trail_ttl(struct sl_trail *trail)
{
	sl_trail_ttl_least(trail, 2);
	if (trail->refused)
		return;
	if (trail->l3 == ORIGINAL) {
		trail->ttl_less++;
		return;
	}
	(*pushed_ttl(trail))--;
	trail->front_changed = true;
}

void sl_trail_limit(struct sl_trail *trail, uint32_t most)
{
	int64_t came = (int64_t)most - longer(trail);

	trail->spoken = true;
	if (came < 0)
		sl_trail_refuse(trail);
	else
		trail->most = (uint32_t)RTE_MIN((int64_t)trail->most, came);
}

static void move_marks(struct sl_trail *trail, unsigned int from, int by)
{
	if (trail->l3 >= (int)from)
		trail->l3 += by;
	if (trail->l4 >= (int)from)
		trail->l4 += by;
	for (unsigned int i = 0; i < trail->fix_count; i++)
		if (trail->fixes[i].at >= from)
			trail->fixes[i].at = (uint16_t)(trail->fixes[i].at + by);
	for (unsigned int i = 0; i < trail->sum_count; i++)
		if (trail->sums[i].at >= from) {
			trail->sums[i].at = (uint16_t)(trail->sums[i].at + by);
			trail->sums[i].l3 = (uint16_t)(trail->sums[i].l3 + by);
		}
	if (trail->entropy_at != SL_PUSH_NONE && trail->entropy_at >= from)
		trail->entropy_at = (uint16_t)(trail->entropy_at + by);
}

static bool add_fix(struct sl_trail *trail, unsigned int at, uint16_t less)
{
	if (trail->fix_count == MOST_FIXES || at + 2 > trail->front_length)
		return false;
	trail->fixes[trail->fix_count++] = (struct fix){.at = (uint16_t)at, .less = less};
	return true;
}

/* What will differ between packets, in the bytes just put in at `at`. */
static bool take_variables(struct sl_trail *trail, const struct sl_push *push, unsigned int at)
{
	for (unsigned int i = 0; i < 2; i++)
		if (push->length_at[i] != SL_PUSH_NONE &&
		    !add_fix(trail, at + push->length_at[i], push->length_less[i]))
			return false;
	if (push->checksum_at != SL_PUSH_NONE) {
		unsigned int l3 = at + push->l3;

		if (push->l3 == SL_PUSH_NONE || trail->sum_count == 2 ||
		    push->length_at[0] == SL_PUSH_NONE || l3 + 20 > trail->front_length)
			return false;
		trail->sums[trail->sum_count].at = (uint16_t)(at + push->checksum_at);
		trail->sums[trail->sum_count].l3 = (uint16_t)l3;
		trail->sums[trail->sum_count++].less = push->length_less[0];
	}
	if (push->entropy_at != SL_PUSH_NONE) {
		if (trail->entropy_at != SL_PUSH_NONE)
			return false; /* one is enough: it would be the inner's */
		trail->entropy_at = (uint16_t)(at + push->entropy_at);
	}
	return true;
}

void sl_trail_push(struct sl_trail *trail, const struct sl_push *push)
{
	unsigned int at =
		push->at == SL_PUSH_FRAME ? 0 : behind_tags(trail->front, trail->front_length);
	unsigned int length = push->length;

	trail->spoken = true;
	if ((push->at == SL_PUSH_SHIM && at == 0) ||
	    trail->front_length + length > sizeof(trail->front) - 64 || length < 2) {
		sl_trail_refuse(trail);
		return;
	}
	/* Lengths count from the packet's end, so those that are there already stay true, but for
	 * what is put in before them. */
	for (unsigned int i = 0; i < trail->fix_count; i++)
		if (trail->fixes[i].at >= at)
			trail->fixes[i].less = (uint16_t)(trail->fixes[i].less + length);
	for (unsigned int i = 0; i < trail->sum_count; i++)
		if (trail->sums[i].at >= at)
			trail->sums[i].less = (uint16_t)(trail->sums[i].less + length);
	memmove(trail->front + at + length, trail->front + at, trail->front_length - at);
	memcpy(trail->front + at, push->bytes, length);
	trail->front_length = (uint16_t)(trail->front_length + length);
	trail->front_changed = true;
	move_marks(trail, at, (int)length);
	if (push->at == SL_PUSH_SHIM && push->ethertype != 0)
		memcpy(trail->front + at - 2, &push->ethertype, 2);
	if (push->l3 != SL_PUSH_NONE) {
		trail->l3 = (int)(at + push->l3);
		trail->l4 = push->l4 != SL_PUSH_NONE ? (int)(at + push->l4) : UNKNOWN;
	} else {
		trail->l3 = trail->l4 = UNKNOWN; /* a shim: nothing can be set behind it */
	}
	if (!take_variables(trail, push, at))
		sl_trail_refuse(trail);
}

void sl_trail_pop(struct sl_trail *trail, enum sl_push_at where, uint16_t length,
		  uint16_t ethertype)
{
	unsigned int at = where == SL_PUSH_FRAME ? 0 : 12;

	trail->spoken = true;
	/* Tags go from behind the MAC addresses, shims from behind the tags. */
	if (where == SL_PUSH_SHIM && ethertype != 0 &&
	    behind_tags(trail->front, trail->front_length) != 0)
		at = behind_tags(trail->front, trail->front_length);
	if (at + length + 2 > trail->front_length || trail->fix_count > 0 || trail->sum_count > 0 ||
	    trail->entropy_at != SL_PUSH_NONE || trail->l3 >= 0) {
		sl_trail_refuse(trail);
		return;
	}
	memmove(trail->front + at, trail->front + at + length, trail->front_length - at - length);
	trail->front_length = (uint16_t)(trail->front_length - length);
	trail->front_changed = true;
	if (ethertype != 0)
		memcpy(trail->front + at - 2, &ethertype, 2);
}

void sl_trail_count(struct sl_trail *trail, uint64_t *packets, uint64_t *bytes)
{
	struct credit *credit = &trail->credits[trail->credit_count];

	trail->spoken = true;
	if (trail->credit_count == MOST_CREDITS) {
		sl_trail_refuse(trail);
		return;
	}
	memset(credit, 0, sizeof(*credit));
	credit->packets = packets;
	credit->bytes = bytes;
	credit->longer = longer(trail);
	credit->step = (uint16_t)trail->step_count;
	trail->credit_count++;
}

void sl_trail_session(struct sl_trail *trail, struct sl_anchor *anchor, uint64_t handle)
{
	trail->spoken = true;
	if (trail->tie_count == MOST_TIES) {
		sl_trail_refuse(trail);
		return;
	}
	trail->ties[trail->tie_count++] = (struct trail_tie){
		.node = NULL, /* set when the step is over */
		.anchor = anchor,
		.handle = handle,
		.cuts = trail->fusion->cuts,
		.longer = longer(trail),
		.step = (uint8_t)trail->step_count,
	};
}

void sl_trail_guard(struct sl_trail *trail)
{
	/* A guard sees the packet as it came in: not as it is behind a push or a pop. */
	if (trail->tie_count == 0 || trail->ties[trail->tie_count - 1].step != trail->step_count ||
	    longer(trail) != 0)
		sl_trail_refuse(trail);
	else
		trail->ties[trail->tie_count - 1].guards = true;
}

void sl_trail_guard_shared(struct sl_trail *trail)
{
	sl_trail_guard(trail);
	if (!trail->refused)
		trail->ties[trail->tie_count - 1].shares = true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts: numbered, so that keys stay short. */
#include <errno.h>

#include <core/flow/flow.h>

uint32_t sl_key_bare(unsigned int lane, const void *key)
{
	struct key4 four;
	struct key6 six;

	if (lane == LANE4) {
		memcpy(&four, key, sizeof(four));
		four.context = 0;
		return sl_index_hash(&four, sizeof(four));
	}
	memcpy(&six, key, sizeof(six));
	six.context = 0;
	return sl_index_hash(&six, sizeof(six));
}

int sl_contexts_init(struct sl_fusion *fusion, struct sl_errors *errors)
{
	struct sl_index_shape shape = {
		.capacity = MOST_CONTEXTS,
		.key_size = sizeof(struct context),
		.stride = sizeof(struct context_slot),
		.key_offset = offsetof(struct context_slot, context),
	};

	fusion->contexts = sl_alloc_table(NULL, MOST_CONTEXTS * sizeof(struct context_slot));
	if (fusion->contexts == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	shape.slots = fusion->contexts;
	fusion->context_index = sl_index_create(NULL, &shape, errors);
	fusion->context_free = NONE;
	fusion->last_number = NO_CONTEXT;
	return fusion->context_index != NULL ? 0 : -ENOMEM;
}

uint16_t sl_context_find(struct sl_fusion *fusion, const struct context *context)
{
	uint32_t found;

	/* Most packets come from where the one before came from. */
	if (likely(((context->macs ^ fusion->last_context.macs) |
		    (context->place ^ fusion->last_context.place) |
		    (context->entry ^ fusion->last_context.entry)) == 0))
		return fusion->last_number;
	found = sl_index_find(fusion->context_index, context,
			      sl_index_hash(context, sizeof(*context)));
	fusion->last_context = *context;
	fusion->last_number = found == SL_NO_SLOT ? NO_CONTEXT : (uint16_t)found;
	return fusion->last_number;
}

uint16_t sl_context_get(struct sl_fusion *fusion, const struct context *context)
{
	uint16_t number = sl_context_find(fusion, context);
	uint32_t slot;

	if (number != NO_CONTEXT) {
		fusion->contexts[number].flows++;
		return number;
	}
	slot = fusion->context_free;
	if (slot != NONE)
		fusion->context_free = fusion->contexts[slot].next;
	else if (fusion->context_fresh < MOST_CONTEXTS)
		slot = fusion->context_fresh++;
	else
		return NO_CONTEXT;
	fusion->contexts[slot].context = *context;
	if (sl_index_add(fusion->context_index, sl_index_hash(context, sizeof(*context)), slot) !=
	    0) {
		fusion->contexts[slot].next = fusion->context_free;
		fusion->context_free = slot;
		return NO_CONTEXT;
	}
	fusion->contexts[slot].flows = 1;
	fusion->last_context = *context;
	fusion->last_number = (uint16_t)slot;
	return (uint16_t)slot;
}

void sl_context_put(struct sl_fusion *fusion, uint16_t number)
{
	struct context_slot *slot = &fusion->contexts[number];

	if (--slot->flows > 0)
		return;
	sl_index_remove(fusion->context_index, sl_index_hash(&slot->context, sizeof(slot->context)),
			number);
	if (fusion->last_number == number)
		fusion->last_number = NO_CONTEXT;
	slot->next = fusion->context_free;
	fusion->context_free = number;
}

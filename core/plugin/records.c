/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <core/plugin/instance.h>
#include <core/plugin/records.h>

#define HEAD sizeof(uint64_t)

static size_t padded(uint32_t size)
{
	return ((size_t)size + 7) & ~(size_t)7;
}

void sl_records_empty(struct sl_records *records)
{
	records->slice.at = (uint8_t *)records->bytes;
	records->slice.end = records->slice.at + sizeof(records->bytes);
	records->slice.count = 0;
}

void *sl_export_record(struct sl_export *out, uint32_t size)
{
	uint64_t head = size;
	uint8_t *record;

	if (size > SL_RECORD_MOST || HEAD + padded(size) > (size_t)(out->end - out->at))
		return NULL;
	memcpy(out->at, &head, HEAD);
	record = out->at + HEAD;
	memset(record, 0, padded(size));
	out->at = record + padded(size);
	out->count++;
	return record;
}

const void *sl_records_next(const struct sl_records *records, size_t *at, uint32_t *size)
{
	const uint8_t *start = (const uint8_t *)records->bytes;
	size_t used = (size_t)(records->slice.at - start);
	const uint8_t *record = start + *at + HEAD;
	uint64_t head;

	if (*at >= used)
		return NULL;
	memcpy(&head, start + *at, HEAD);
	*size = (uint32_t)head;
	*at += HEAD + padded(*size);
	return record;
}

bool sl_comes_here(const struct sl_node *node, const struct sl_ends *ends)
{
	const struct sl_instance *instance = node->instance;

	return instance->home == NULL ||
	       instance->home(instance->home_context, ends) == node->worker;
}

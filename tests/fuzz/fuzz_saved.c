/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as saved state. The first byte says whether checksums are made right first, without
 * which nothing would come past them. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <core/saved/layout.h>
#include <core/saved/saved.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *bytes, size_t size)
{
	static uint64_t payload[SL_SAVED_PAYLOAD / 8];
	struct sl_saved_head head;
	size_t at = sizeof(head);

	if (size < sizeof(head))
		return;
	memcpy(&head, bytes, sizeof(head));
	memcpy(head.magic, SL_SAVED_MAGIC, sizeof(head.magic));
	head.format = rte_cpu_to_le_32(SL_SAVED_FORMAT);
	head.crc = rte_cpu_to_le_32(sl_saved_crc_of_head(&head));
	memcpy(bytes, &head, sizeof(head));
	for (uint32_t number = 0; size - at >= sizeof(struct sl_saved_block); number++) {
		struct sl_saved_block block;

		memcpy(&block, bytes + at, sizeof(block));
		block.number = rte_cpu_to_le_32(number);
		if (rte_le_to_cpu_32(block.length) > size - at - sizeof(block) ||
		    rte_le_to_cpu_32(block.length) > sizeof(payload))
			return;
		memcpy(payload, bytes + at + sizeof(block), rte_le_to_cpu_32(block.length));
		block.crc = rte_cpu_to_le_32(
			sl_saved_crc_of_block(&block, payload, rte_le_to_cpu_32(block.length)));
		memcpy(bytes + at, &block, sizeof(block));
		at += sizeof(block) + rte_le_to_cpu_32(block.length);
	}
}

static int touch(void *context, uint32_t worker, const void *record, uint32_t size)
{
	uint64_t *sum = context;

	assert((uintptr_t)record % 8 == 0);
	for (uint32_t i = 0; i < size; i++)
		sum[0] += ((const uint8_t *)record)[i];
	sum[1]++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_errors *errors = sl_errors_new();
	uint8_t *bytes = malloc(size + 1);
	struct sl_saved *state;
	static int fd = -1;
	uint64_t records = 0;

	if (fd < 0)
		fd = memfd_create("fuzz-state", MFD_CLOEXEC);
	memcpy(bytes, data, size);
	if (size > 0 && (bytes[0] & 1))
		seal(bytes + 1, size - 1);
	assert(ftruncate(fd, 0) == 0);
	if (size > 1)
		assert(pwrite(fd, bytes + 1, size - 1, 0) == (ssize_t)(size - 1));
	state = sl_saved_open(fd, "fuzz", errors);
	assert((state != NULL) == (sl_errors_count(errors) == 0));
	for (uint32_t i = 0; state != NULL && i < sl_saved_part_count(state); i++) {
		uint64_t sum[2] = {0, 0};

		assert(sl_saved_each(state, i, touch, sum, errors) == 0);
		assert(sum[1] == sl_saved_part(state, i)->records);
		assert(sl_saved_part(state, i)->owner.type != NULL);
		records += sum[1];
	}
	assert(state == NULL || records == sl_saved_records(state));
	sl_saved_free(state);
	sl_errors_free(errors);
	free(bytes);
	return 0;
}

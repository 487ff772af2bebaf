/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State as bytes: what `sluice save` writes and what one engine hands to the next. All numbers are
 * little-endian.
 *
 *	head    SL_SAVED_HEAD bytes: see struct sl_saved_head; its own CRC comes last
 *	blocks  each a struct sl_saved_block and its payload
 *
 * A block's CRC covers its kind, length, number and payload, so that a block cannot change place
 * unseen. For each instance comes INSTANCE, then any number of RECORDS, then DONE; after the last
 * one END, and nothing after that. So a file that was cut short anywhere is known to be.
 *
 *	INSTANCE  u32 state version, u32 0, then name, plugin, version of the plugin, type: each a
 *	          u16 length and its bytes
 *	RECORDS   u32 index of the worker, u32 how many, then each: u32 length and its bytes
 *	DONE      u64 how many records of the instance came
 *	END       u64 how many instances and u64 how many records came in all
 */
#ifndef CORE_SAVED_LAYOUT_H
#define CORE_SAVED_LAYOUT_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

#define SL_SAVED_MAGIC  "SLUICEST"
#define SL_SAVED_FORMAT 1

/* Most bytes in the payload of one block. */
#define SL_SAVED_PAYLOAD 65536u
/* Most instances in one file: an honest one has some dozens. */
#define SL_SAVED_INSTANCES 65536u

struct sl_saved_head {
	char magic[8];
	uint32_t format;
	uint32_t workers; /* of the engine that wrote it */
	uint64_t saved;   /* nanoseconds since 1970, UTC */
	char engine[32];  /* its version, filled up with zeros */
	uint32_t zero;
	uint32_t crc; /* of all before it */
};

struct sl_saved_block {
	uint32_t kind; /* enum sl_saved_kind */
	uint32_t length;
	uint32_t number;       /* 0 is the first block */
	uint32_t crc;          /* of all before it and of the payload */
} __attribute__((aligned(8))); /* checksums are made eight bytes at a time */

enum sl_saved_kind {
	SL_SAVED_INSTANCE = 1,
	SL_SAVED_RECORDS = 2,
	SL_SAVED_DONE = 3,
	SL_SAVED_END = 4,
};

_Static_assert(sizeof(struct sl_saved_head) == 64, "no holes");
_Static_assert(sizeof(struct sl_saved_block) == 16, "no holes");

#define SL_SAVED_CRC_SEED 0x53544154u

static inline uint32_t sl_saved_crc_of_head(const struct sl_saved_head *head)
{
	return rte_hash_crc(head, offsetof(struct sl_saved_head, crc), SL_SAVED_CRC_SEED);
}

static inline uint32_t sl_saved_crc_of_block(const struct sl_saved_block *block,
					     const void *payload, uint32_t length)
{
	uint32_t crc = rte_hash_crc(block, offsetof(struct sl_saved_block, crc), SL_SAVED_CRC_SEED);

	return rte_hash_crc(payload, length, crc);
}

static inline uint16_t sl_saved_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t sl_saved_get32(const uint8_t *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return rte_le_to_cpu_32(number);
}

static inline uint64_t sl_saved_get64(const uint8_t *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return rte_le_to_cpu_64(number);
}

static inline void sl_saved_put16(uint8_t *at, uint16_t number)
{
	at[0] = (uint8_t)number;
	at[1] = (uint8_t)(number >> 8);
}

static inline void sl_saved_put32(uint8_t *at, uint32_t number)
{
	number = rte_cpu_to_le_32(number);
	memcpy(at, &number, sizeof(number));
}

static inline void sl_saved_put64(uint8_t *at, uint64_t number)
{
	number = rte_cpu_to_le_64(number);
	memcpy(at, &number, sizeof(number));
}

#endif

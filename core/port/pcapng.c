/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/port/pcapng.h>

#include <stdint.h>
#include <string.h>
#include <time.h>

/* Block types, and options of all blocks (sections 3.5, 4.1, 4.2 and 4.3). */
#define SECTION_HEADER   0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define INTERFACE        1u
#define ENHANCED_PACKET  6u
#define OPT_END          0u
#define OPT_COMMENT      1u
#define IF_TSRESOL       9u
#define LINK_ETHERNET    1u

static void put32(FILE *file, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, file);
}

static void pad(FILE *file, uint32_t length)
{
	static const uint8_t zeros[4];

	fwrite(zeros, 1, -length & 3u, file);
}

static uint32_t padded(uint32_t length)
{
	return (length + 3) & ~3u;
}

void sl_pcapng_begin(FILE *file)
{
	static const uint8_t nanoseconds[4] = {9};

	put32(file, SECTION_HEADER);
	put32(file, 28);
	put32(file, BYTE_ORDER_MAGIC);
	put32(file, 1); /* version 1.0 */
	put32(file, UINT32_MAX);
	put32(file, UINT32_MAX); /* length of the section: unknown */
	put32(file, 28);
	put32(file, INTERFACE);
	put32(file, 32);
	put32(file, LINK_ETHERNET);
	put32(file, 0); /* no limit to packets */
	put32(file, IF_TSRESOL | 1u << 16);
	fwrite(nanoseconds, 1, sizeof(nanoseconds), file);
	put32(file, OPT_END);
	put32(file, 32);
}

void sl_pcapng_packet(FILE *file, const struct rte_mbuf *m, const char *comment)
{
	uint32_t text = comment != NULL ? (uint32_t)strlen(comment) : 0;
	uint32_t options = comment != NULL ? 4 + padded(text) + 4 : 0;
	uint32_t total = 32 + padded(m->pkt_len) + options;
	struct timespec now;
	uint64_t stamp;

	clock_gettime(CLOCK_REALTIME, &now);
	stamp = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	put32(file, ENHANCED_PACKET);
	put32(file, total);
	put32(file, 0);
	put32(file, (uint32_t)(stamp >> 32));
	put32(file, (uint32_t)stamp);
	put32(file, m->pkt_len);
	put32(file, m->pkt_len);
	for (const struct rte_mbuf *part = m; part != NULL; part = part->next)
		fwrite(rte_pktmbuf_mtod(part, const void *), 1, part->data_len, file);
	pad(file, m->pkt_len);
	if (comment != NULL) {
		put32(file, OPT_COMMENT | text << 16);
		fwrite(comment, 1, text, file);
		pad(file, text);
		put32(file, OPT_END);
	}
	put32(file, total);
}

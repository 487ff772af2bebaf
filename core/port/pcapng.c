/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/port/pcapng.h>

#include <string.h>
#include <time.h>

/* Block types, and options of all blocks (sections 3.5, 4.1, 4.2, 4.3 and 4.6). */
#define SECTION_HEADER   0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define INTERFACE        1u
#define OPT_END          0u
#define OPT_COMMENT      1u
#define SHB_USERAPPL     4u
#define IF_NAME          2u
#define IF_TSRESOL       9u
#define IF_FILTER        11u
#define EPB_FLAGS        2u
#define ISB_IFRECV       4u
#define ISB_IFDROP       SL_PCAPNG_LOST
#define LINK_ETHERNET    1u
#define FILTER_IS_TEXT   0 /* the first byte of IF_FILTER */

static void put32(FILE *file, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, file);
}

static void put64(FILE *file, uint64_t value)
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

/* Texts are cut where an option's length ends. */
static uint32_t text_length(const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	return length < 0xfff0 ? (uint32_t)length : 0xfff0;
}

/* Of an option with a text; NULL: it is left out. */
static uint32_t option_size(const char *text)
{
	return text != NULL ? 4 + padded(text_length(text)) : 0;
}

static void put_option(FILE *file, uint32_t code, const char *text)
{
	uint32_t length = text_length(text);

	if (text == NULL)
		return;
	put32(file, code | length << 16);
	fwrite(text, 1, length, file);
	pad(file, length);
}

void sl_pcapng_section(FILE *file, const char *application)
{
	uint32_t options = option_size(application);
	uint32_t total = 28 + (options > 0 ? options + 4 : 0);

	put32(file, SECTION_HEADER);
	put32(file, total);
	put32(file, BYTE_ORDER_MAGIC);
	put32(file, 1); /* version 1.0 */
	put32(file, UINT32_MAX);
	put32(file, UINT32_MAX); /* length of the section: unknown */
	if (options > 0) {
		put_option(file, SHB_USERAPPL, application);
		put32(file, OPT_END);
	}
	put32(file, total);
}

void sl_pcapng_interface(FILE *file, const char *name, uint32_t snap, const char *filter)
{
	static const uint8_t nanoseconds[4] = {9};
	uint32_t filter_length = text_length(filter) + 1;
	uint32_t total = 20 + option_size(name) + 8 + 4;

	if (filter != NULL)
		total += 4 + padded(filter_length);
	put32(file, INTERFACE);
	put32(file, total);
	put32(file, LINK_ETHERNET);
	put32(file, snap);
	put_option(file, IF_NAME, name);
	if (filter != NULL) {
		put32(file, IF_FILTER | filter_length << 16);
		fputc(FILTER_IS_TEXT, file);
		fwrite(filter, 1, filter_length - 1, file);
		pad(file, filter_length);
	}
	put32(file, IF_TSRESOL | 1u << 16);
	fwrite(nanoseconds, 1, sizeof(nanoseconds), file);
	put32(file, OPT_END);
	put32(file, total);
}

/* What comes before a packet's bytes. Returns the size of the block. */
static uint32_t begin_frame(FILE *file, const struct sl_pcapng_frame *frame)
{
	uint32_t options = option_size(frame->comment);
	uint32_t total;

	if (frame->way != SL_PCAPNG_UNKNOWN)
		options += 8;
	total = 32 + padded(frame->captured) + (options > 0 ? options + 4 : 0);
	put32(file, SL_PCAPNG_PACKET);
	put32(file, total);
	put32(file, frame->interface);
	put32(file, (uint32_t)(frame->stamp >> 32));
	put32(file, (uint32_t)frame->stamp);
	put32(file, frame->captured);
	put32(file, frame->length);
	return total;
}

static void end_frame(FILE *file, const struct sl_pcapng_frame *frame, uint32_t total)
{
	pad(file, frame->captured);
	if (frame->way != SL_PCAPNG_UNKNOWN) {
		put32(file, EPB_FLAGS | 4u << 16);
		put32(file, frame->way);
	}
	put_option(file, OPT_COMMENT, frame->comment);
	if (frame->way != SL_PCAPNG_UNKNOWN || frame->comment != NULL)
		put32(file, OPT_END);
	put32(file, total);
}

void sl_pcapng_frame(FILE *file, const struct sl_pcapng_frame *frame)
{
	uint32_t total = begin_frame(file, frame);

	fwrite(frame->bytes, 1, frame->captured, file);
	end_frame(file, frame, total);
}

void sl_pcapng_statistics(FILE *file, uint32_t interface, uint64_t stamp, uint64_t captured,
			  uint64_t lost)
{
	uint32_t total = 24 + 12 + 12 + 4;

	put32(file, SL_PCAPNG_STATISTICS);
	put32(file, total);
	put32(file, interface);
	put32(file, (uint32_t)(stamp >> 32));
	put32(file, (uint32_t)stamp);
	put32(file, ISB_IFRECV | 8u << 16);
	put64(file, captured);
	put32(file, ISB_IFDROP | 8u << 16);
	put64(file, lost);
	put32(file, OPT_END);
	put32(file, total);
}

void sl_pcapng_begin(FILE *file)
{
	sl_pcapng_section(file, NULL);
	sl_pcapng_interface(file, NULL, 0, NULL);
}

void sl_pcapng_packet(FILE *file, const struct rte_mbuf *m, const char *comment)
{
	struct sl_pcapng_frame frame = {
		.captured = m->pkt_len, .length = m->pkt_len, .comment = comment};
	struct timespec now;
	uint32_t total;

	clock_gettime(CLOCK_REALTIME, &now);
	frame.stamp = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	total = begin_frame(file, &frame);
	for (const struct rte_mbuf *part = m; part != NULL; part = part->next)
		fwrite(rte_pktmbuf_mtod(part, const void *), 1, part->data_len, file);
	end_frame(file, &frame, total);
}

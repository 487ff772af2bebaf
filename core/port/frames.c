/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <sluice/checksum.h>
#include <core/packet/hash.h>
#include <core/port/frames.h>

/* Bit numbers of sl_frames_config.given. */
enum { FAMILY, PROTOCOL, SRC, DST, SPORT, DPORT, FLOWS, SIZE, IMIX, VLAN, TCP, SRC_MAC, DST_MAC };

#define GIVEN(stream, param) ((stream)->given >> (param)&1)

/* Simple IMIX, 7:4:1, interleaved so that any dozen in a row holds the mix. */
static const uint16_t imix[12] = {64, 590, 64, 64, 590, 64, 1514, 64, 590, 64, 590, 64};

/* One value for each dimension of a flow. */
struct flow {
	struct sl_addr src, dst;
	uint16_t sport, dport;
};

/* The ranges of a stream with defaults in place, and how many values each has. */
struct ranges {
	struct sl_addr_range src, dst;
	uint64_t src_count, dst_count, sport_count, dport_count;
	uint64_t total; /* different flows there are; saturates */
};

static struct sl_addr_range default_range(bool ipv6, uint8_t last)
{
	struct sl_addr_range range = {0};

	if (ipv6) { /* 2001:2::/48, RFC 5180 */
		static const uint8_t prefix[16] = {0x20, 0x01, 0, 2};

		range.first.family = range.last.family = SL_FAMILY_IPV6;
		memcpy(range.first.bytes, prefix, 16);
		range.first.bytes[7] = last;
		range.last = range.first;
		memset(range.last.bytes + 14, 0xff, 2);
		return range;
	}
	range.first.family = range.last.family = SL_FAMILY_IPV4;
	memcpy(range.first.bytes, (uint8_t[]){198, 18 + last, 0, 0}, 4);
	memcpy(range.last.bytes, (uint8_t[]){198, 18 + last, 255, 255}, 4);
	return range;
}

/* The last 8 bytes of an address as a number: ranges are no longer than that. */
static uint64_t low_bits(const struct sl_addr *addr)
{
	uint64_t low;

	if (addr->family == SL_FAMILY_IPV4)
		return rte_be_to_cpu_32(addr->v4);
	memcpy(&low, addr->bytes + 8, 8);
	return rte_be_to_cpu_64(low);
}

static void set_low_bits(struct sl_addr *addr, uint64_t low)
{
	if (addr->family == SL_FAMILY_IPV4) {
		addr->v4 = rte_cpu_to_be_32(low);
		return;
	}
	low = rte_cpu_to_be_64(low);
	memcpy(addr->bytes + 8, &low, 8);
}

static uint64_t range_count(const struct sl_addr_range *range)
{
	uint64_t count;

	if (range->first.family == SL_FAMILY_IPV6 &&
	    memcmp(range->first.bytes, range->last.bytes, 8) != 0)
		return UINT32_MAX;
	count = low_bits(&range->last) - low_bits(&range->first);
	return RTE_MIN(count, UINT32_MAX - 1) + 1;
}

static uint64_t span_count(const struct sl_span *span)
{
	return (uint64_t)span->last - span->first + 1;
}

static uint64_t saturating(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return product > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)product;
}

static struct ranges stream_ranges(const struct sl_frames_config *stream)
{
	struct ranges r = {
		.src = GIVEN(stream, SRC) ? stream->src : default_range(stream->family, 0),
		.dst = GIVEN(stream, DST) ? stream->dst : default_range(stream->family, 1),
		.sport_count = span_count(&stream->sport),
		.dport_count = stream->protocol == SL_FRAMES_ICMP ? 1 : span_count(&stream->dport),
	};

	r.src_count = range_count(&r.src);
	r.dst_count = range_count(&r.dst);
	r.total = saturating(saturating(r.src_count, r.dst_count), r.sport_count * r.dport_count);
	return r;
}

static uint32_t header_length(const struct sl_frames_config *stream)
{
	return RTE_ETHER_HDR_LEN + (stream->vlan ? sizeof(struct rte_vlan_hdr) : 0) +
	       (stream->family ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)) +
	       (stream->protocol == SL_FRAMES_TCP ? sizeof(struct rte_tcp_hdr)
						  : sizeof(struct rte_udp_hdr));
}

int sl_frames_check(const struct sl_frames_config *stream, struct sl_errors *errors)
{
	uint8_t family = stream->family ? SL_FAMILY_IPV6 : SL_FAMILY_IPV4;
	struct ranges r = stream_ranges(stream);
	int rc = 0;

	if (r.src.first.family != family)
		rc = sl_fail_at(errors, &stream->src, "not of the stream's family");
	if (r.dst.first.family != family)
		rc = sl_fail_at(errors, &stream->dst, "not of the stream's family");
	if (rc < 0)
		return rc;
	if (stream->flows > r.total)
		rc = sl_fail_at(errors, &stream->flows,
				"more than the %lu that the addresses and ports allow",
				(unsigned long)r.total);
	if (stream->imix && GIVEN(stream, SIZE))
		rc = sl_fail_at(errors, &stream->size, "`size` and `imix` exclude each other");
	if (!stream->imix && stream->size < header_length(stream))
		rc = sl_fail_at(errors, &stream->size, "shorter than its headers, %u bytes",
				header_length(stream));
	if (GIVEN(stream, TCP) && stream->protocol != SL_FRAMES_TCP)
		rc = sl_fail_at(errors, &stream->tcp_flags, "only for `protocol: tcp`");
	return rc;
}

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Takes 0, 1, 2, ... to different numbers below `total` that look drawn by lot. */
struct shuffle {
	uint64_t factor, offset, total;
};

static struct shuffle new_shuffle(uint64_t total, uint64_t *random)
{
	struct shuffle s = {.factor = 1, .offset = next_random(random) % total, .total = total};

	for (unsigned int tries = 0; tries < 64 && total > 2; tries++) {
		s.factor = next_random(random) % total;
		if (s.factor > 1 && common_divisor(s.factor, total) == 1)
			return s;
	}
	s.factor = 1;
	return s;
}

static struct flow flow_at(const struct sl_frames_config *stream, const struct ranges *r,
			   const struct shuffle *s, uint64_t i)
{
	uint64_t at = (uint64_t)(((unsigned __int128)i * s->factor + s->offset) % s->total);
	struct flow flow = {.src = r->src.first, .dst = r->dst.first};

	flow.sport = stream->sport.first + at % r->sport_count;
	at /= r->sport_count;
	set_low_bits(&flow.src, low_bits(&flow.src) + at % r->src_count);
	at /= r->src_count;
	set_low_bits(&flow.dst, low_bits(&flow.dst) + at % r->dst_count);
	at /= r->dst_count;
	flow.dport = stream->dport.first + at % r->dport_count;
	return flow;
}

static uint32_t flow_hash(const struct sl_frames_config *stream, const struct flow *f)
{
	static const uint8_t numbers[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};
	bool ports = stream->protocol != SL_FRAMES_ICMP;
	uint16_t sport = ports ? rte_cpu_to_be_16(f->sport) : 0;
	uint16_t dport = ports ? rte_cpu_to_be_16(f->dport) : 0;
	uint8_t proto = numbers[stream->protocol];

	if (stream->family)
		return sl_hash_ipv6(f->src.bytes, f->dst.bytes, sport, dport,
				    ports ? proto : IPPROTO_ICMPV6);
	return sl_hash_ipv4(f->src.v4, f->dst.v4, sport, dport, proto);
}

static uint64_t sum_bytes(const void *bytes, uint32_t length)
{
	uint64_t sum = 0;
	uint16_t word;

	for (uint32_t i = 0; i < length; i += 2) {
		memcpy(&word, (const uint8_t *)bytes + i, 2);
		sum += word;
	}
	return sum;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

static uint8_t *put_transport(uint8_t *at, const struct sl_frames_config *stream,
			      const struct flow *f, uint16_t length, uint64_t pseudo)
{
	uint16_t checksum;

	if (stream->protocol == SL_FRAMES_TCP) {
		struct rte_tcp_hdr tcp = {
			.src_port = rte_cpu_to_be_16(f->sport),
			.dst_port = rte_cpu_to_be_16(f->dport),
			.sent_seq = rte_cpu_to_be_32(1),
			.data_off = 5 << 4,
			.tcp_flags = RTE_TCP_ACK_FLAG,
			.rx_win = rte_cpu_to_be_16(0xffff),
		};

		tcp.recv_ack = rte_cpu_to_be_32(1);
		if (stream->tcp_flags == SL_FRAMES_SYN) {
			tcp.tcp_flags = RTE_TCP_SYN_FLAG;
			tcp.sent_seq = tcp.recv_ack = 0;
		}
		tcp.cksum = ~sl_checksum_fold(pseudo + sum_bytes(&tcp, sizeof(tcp)));
		return put(at, &tcp, sizeof(tcp));
	}
	if (stream->protocol == SL_FRAMES_UDP) {
		struct rte_udp_hdr udp = {
			.src_port = rte_cpu_to_be_16(f->sport),
			.dst_port = rte_cpu_to_be_16(f->dport),
			.dgram_len = rte_cpu_to_be_16(length),
		};

		checksum = ~sl_checksum_fold(pseudo + sum_bytes(&udp, sizeof(udp)));
		udp.dgram_cksum = checksum ? checksum : 0xffff;
		return put(at, &udp, sizeof(udp));
	}
	uint16_t echo[4] = {rte_cpu_to_be_16((stream->family ? 128 : 8) << 8), 0,
			    rte_cpu_to_be_16(f->sport), rte_cpu_to_be_16(1)};

	echo[1] = ~sl_checksum_fold((stream->family ? pseudo : 0) + sum_bytes(echo, sizeof(echo)));
	return put(at, echo, sizeof(echo));
}

/* Lay out the headers of a frame of `length` bytes. */
static void put_headers(uint8_t *at, const struct sl_frames_config *stream, const struct flow *f,
			const struct rte_ether_addr *dst_mac, uint16_t length)
{
	static const uint8_t numbers[2][3] = {{IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP},
					      {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMPV6}};
	uint8_t proto = numbers[stream->family][stream->protocol];
	uint16_t type =
		rte_cpu_to_be_16(stream->family ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	uint16_t tag[2] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(stream->vlan)};
	uint16_t ip_length = length - RTE_ETHER_HDR_LEN - (stream->vlan ? sizeof(tag) : 0);
	uint16_t l4_length;
	uint64_t pseudo;

	at = put(at, dst_mac, sizeof(*dst_mac));
	at = put(at, &stream->src_mac, sizeof(stream->src_mac));
	if (stream->vlan)
		at = put(at, tag, sizeof(tag));
	at = put(at, &type, sizeof(type));
	if (stream->family) {
		uint8_t ip[40] = {0x60, [6] = proto, [7] = 64};
		uint16_t be;

		l4_length = ip_length - sizeof(ip);
		be = rte_cpu_to_be_16(l4_length);
		memcpy(ip + 4, &be, 2);
		memcpy(ip + 8, f->src.bytes, 16);
		memcpy(ip + 24, f->dst.bytes, 16);
		pseudo = sum_bytes(ip + 8, 32);
		at = put(at, ip, sizeof(ip));
	} else {
		struct rte_ipv4_hdr ip = {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.total_length = rte_cpu_to_be_16(ip_length),
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = 64,
			.next_proto_id = proto,
			.src_addr = f->src.v4,
			.dst_addr = f->dst.v4,
		};

		l4_length = ip_length - sizeof(ip);
		ip.hdr_checksum = ~sl_checksum_fold(sum_bytes(&ip, sizeof(ip)));
		pseudo = sum_bytes(&ip.src_addr, 8);
		at = put(at, &ip, sizeof(ip));
	}
	pseudo += rte_cpu_to_be_16(l4_length) + rte_cpu_to_be_16(proto);
	put_transport(at, stream, f, l4_length, pseudo);
}

void sl_frames_make_syn(uint8_t *frame)
{
	uint8_t *at = frame + 12;
	uint16_t checksum;
	bool is_tcp;

	if (at[0] == 0x81)
		at += 4;
	is_tcp = at[0] == 8 ? at[11] == IPPROTO_TCP : at[8] == IPPROTO_TCP;
	if (!is_tcp)
		return;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(at + 2 + (at[0] == 8 ? 20 : 40));
	uint32_t delta;

	if (!(tcp->tcp_flags & RTE_TCP_ACK_FLAG))
		return;
	delta = sl_checksum_delta32(tcp->sent_seq, 0) + sl_checksum_delta32(tcp->recv_ack, 0) +
		sl_checksum_delta16(rte_cpu_to_be_16(RTE_TCP_ACK_FLAG),
				    rte_cpu_to_be_16(RTE_TCP_SYN_FLAG));
	checksum = sl_checksum_apply(tcp->cksum, delta);
	tcp->sent_seq = tcp->recv_ack = 0;
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	tcp->cksum = checksum;
}

/* Frames of a stream before flows repeat: with a mix every flow has every size once. */
static uint64_t stream_frames(const struct sl_frames_config *stream)
{
	return stream->flows * (stream->imix ? RTE_DIM(imix) : 1);
}

/* Memory for headers of a million flows is worth huge pages. */
static void *big_alloc(size_t size)
{
	size = RTE_ALIGN_CEIL(size, size >= 2 << 20 ? (size_t)2 << 20 : 64);
	void *memory = aligned_alloc(size >= 2 << 20 ? 2 << 20 : 64, size);

	if (memory && size >= 2 << 20)
		(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

static void add_frame(struct sl_frames *frames, const struct sl_frames_config *stream,
		      const struct flow *flow, const struct sl_frames_share *share, uint64_t i)
{
	uint16_t length = stream->imix ? imix[i % RTE_DIM(imix)] : stream->size;
	const struct rte_ether_addr *mac =
		GIVEN(stream, DST_MAC) ? &stream->dst_mac : &share->port_mac;
	uint8_t *at = frames->headers + (size_t)frames->count * frames->stride;

	length = RTE_MAX(length, header_length(stream));
	memset(at, 0, frames->stride);
	put_headers(at, stream, flow, mac, length);
	frames->lengths[frames->count++] = length;
}

struct sl_frames *sl_frames_new(const struct sl_frames_config *streams, uint32_t stream_count,
				const struct sl_frames_share *share, struct sl_errors *errors)
{
	struct sl_frames *frames = calloc(1, sizeof(*frames));
	struct ranges ranges[stream_count];
	struct shuffle shuffles[stream_count];
	uint64_t random = share->seed, total = 0, longest = 0;

	if (!frames)
		goto no_memory;
	frames->stride = 64;
	for (uint32_t s = 0; s < stream_count; s++) {
		const struct sl_frames_config *stream = &streams[s];
		uint64_t length = stream->imix ? 1514 : stream->size;

		ranges[s] = stream_ranges(stream);
		shuffles[s] = new_shuffle(ranges[s].total, &random);
		total += stream_frames(stream);
		longest = RTE_MAX(longest, stream_frames(stream));
		if (header_length(stream) > 64)
			frames->stride = 128;
		frames->syn_first |= stream->tcp_flags == SL_FRAMES_SYN_FIRST;
		if (length > share->room || frames->stride > share->room) {
			sl_fail(errors, EMSGSIZE, "frames of %lu bytes do not fit packets of %u",
				(unsigned long)length, share->room);
			goto fail;
		}
	}
	frames->headers = big_alloc(total * frames->stride);
	frames->lengths = big_alloc(total * sizeof(*frames->lengths));
	if (!frames->headers || !frames->lengths)
		goto no_memory;
	/* Streams take turns; a short one ends early. */
	for (uint64_t i = 0; i < longest; i++) {
		for (uint32_t s = 0; s < stream_count; s++) {
			struct flow flow;

			if (i >= stream_frames(&streams[s]))
				continue;
			flow = flow_at(&streams[s], &ranges[s], &shuffles[s], i % streams[s].flows);
			if (flow_hash(&streams[s], &flow) % share->queues == share->queue)
				add_frame(frames, &streams[s], &flow, share,
					  i / streams[s].flows + i % streams[s].flows);
		}
	}
	return frames;

no_memory:
	sl_fail(errors, ENOMEM, "out of memory for %lu frames", (unsigned long)total);
fail:
	sl_frames_free(frames);
	return NULL;
}

void sl_frames_free(struct sl_frames *frames)
{
	if (!frames)
		return;
	free(frames->headers);
	free(frames->lengths);
	free(frames);
}

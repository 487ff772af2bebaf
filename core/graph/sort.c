/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_vect_get_max_simd_bitwidth() is of 20.11 but became stable after 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <core/graph/frame.h>

#include <rte_vect.h>
#ifdef RTE_ARCH_X86_64
#include <immintrin.h>

#include <rte_cpuflags.h>
#endif

/*
 * Sorting a burst by edge. For each edge that occurs, in the order of its first packet: a mask
 * of the packets that took it; room for them in the target's frame; their pointers in a row,
 * and the sum of their lengths. No branch depends on which packets went where, for it would be
 * guessed wrong: the work for an edge is the same whether it took two packets or all.
 */

/* Set the bits of the edges that equal e. words: how many 64 edges there are. */
typedef void (*match_fn)(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words);
/* Copy the pointers whose bit is set, in order, and sum their lengths. n: of all. */
typedef uint32_t (*pick_fn)(struct rte_mbuf **out, struct rte_mbuf *const *pkts,
			    const uint32_t *lengths, const uint64_t *mask, unsigned int n);

/* Packets that were sent or kept by the node are no longer ours to look at. */
static inline __attribute__((always_inline)) void
read_lengths(uint32_t *lengths, struct rte_mbuf *const *pkts, const uint8_t *edge, unsigned int n)
{
	unsigned int most = 0;

	for (unsigned int i = 0; i < n; i++)
		most = RTE_MAX(most, edge[i]);
	if (most < SL_HANDED)
		for (unsigned int i = 0; i < n; i++)
			lengths[i] = pkts[i]->pkt_len;
	else
		for (unsigned int i = 0; i < n; i++)
			lengths[i] = edge[i] < SL_HANDED ? pkts[i]->pkt_len : 0;
}

static inline __attribute__((always_inline)) void sort(struct sl_graph *graph, struct sl_hop *hop,
						       struct rte_mbuf *const *pkts,
						       const uint8_t *edge, uint16_t n,
						       match_fn match, pick_fn pick)
{
	unsigned int words = (n + 63u) / 64;
	uint64_t left[SL_BURST_WORDS];
	uint64_t mask[SL_BURST_WORDS];
	uint32_t lengths[SL_BURST + SL_SLACK];

	read_lengths(lengths, pkts, edge, n);
	for (unsigned int w = 0; w < words; w++)
		left[w] = UINT64_MAX;
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): n is not 0 */
	left[words - 1] >>= (64 - n % 64u) % 64;
	for (unsigned int w = 0; w < words; w++) {
		while (left[w] != 0) {
			uint8_t e = edge[w * 64 + (unsigned int)__builtin_ctzll(left[w])];
			struct rte_mbuf *picked[SL_BURST + SL_SLACK];
			struct sl_frame *frame = NULL;
			struct sl_hop *target;
			uint16_t count = 0;

			match(edge, e, mask, words);
			for (unsigned int i = 0; i < words; i++) {
				mask[i] &= left[i];
				left[i] ^= mask[i];
				count += (uint16_t)__builtin_popcountll(mask[i]);
			}
			target = e < hop->node.edge_count ? hop->targets[e] : NULL;
			if (likely(target != NULL && target->rank > hop->rank))
				frame = sl_frame_for(graph, target, count);
			if (likely(frame != NULL)) {
				frame->bytes +=
					pick(frame->pkts + frame->n, pkts, lengths, mask, n);
				frame->n += count;
			} else {
				pick(picked, pkts, lengths, mask, n);
				sl_hop_leave(graph, hop, e, picked, count);
			}
		}
	}
}

/* Eight edges at a time in a plain register: a byte of x is zero where the edge matches. The
 * exact form of the zero-byte test: no carry runs from one byte into the next. */
static inline void match_scalar(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words)
{
	const uint64_t *eight = (const uint64_t *)(const void *)edge;
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	for (unsigned int w = 0; w < words; w++) {
		uint64_t bits = 0;

		for (unsigned int i = 0; i < 8; i++) {
			uint64_t x = rte_le_to_cpu_64(eight[w * 8 + i]) ^ (0x0101010101010101u * e);
			uint64_t zero = ~(((x & low) + low) | x | low); /* 0x80 where zero */

			bits |= ((zero >> 7) * 0x0102040810204080 >> 56) << (i * 8);
		}
		mask[w] = bits;
	}
}

static inline uint32_t pick_scalar(struct rte_mbuf **out, struct rte_mbuf *const *pkts,
				   const uint32_t *lengths, const uint64_t *mask, unsigned int n)
{
	uint32_t bytes = 0;

	for (unsigned int first = 0; first < n; first += 64)
		for (uint64_t bits = mask[first / 64]; bits != 0; bits &= bits - 1) {
			unsigned int i = first + (unsigned int)__builtin_ctzll(bits);

			*out++ = pkts[i];
			bytes += lengths[i];
		}
	return bytes;
}

static void sort_scalar(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
			const uint8_t *edge, uint16_t n)
{
	sort(graph, hop, pkts, edge, n, match_scalar, pick_scalar);
}

static const struct sl_sort scalar = {"scalar", 64, sort_scalar};

#ifdef RTE_ARCH_X86_64

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,popcnt,bmi,bmi2")))
#define AVX2   __attribute__((target("avx2,popcnt,bmi,bmi2")))

static inline AVX512 void match_avx512(const uint8_t *edge, uint8_t e, uint64_t *mask,
				       unsigned int words)
{
	const __m512i wanted = _mm512_set1_epi8((char)e);

	for (unsigned int w = 0; w < words; w++)
		mask[w] = _mm512_cmpeq_epi8_mask(_mm512_load_si512(edge + w * 64), wanted);
}

/* Compress in a register and store it whole: compressing to memory is microcode on Zen 4. */
static inline AVX512 uint32_t pick_avx512(struct rte_mbuf **out, struct rte_mbuf *const *pkts,
					  const uint32_t *lengths, const uint64_t *mask,
					  unsigned int n)
{
	const uint8_t *bytes_of_mask = (const uint8_t *)mask;
	__m256i bytes = _mm256_setzero_si256();
	__m128i half;

	for (unsigned int i = 0; i < n; i += 8) {
		__mmask8 bits = bytes_of_mask[i / 8];

		_mm512_storeu_si512(
			out, _mm512_maskz_compress_epi64(bits, _mm512_loadu_si512(pkts + i)));
		bytes = _mm256_add_epi32(bytes, _mm256_maskz_loadu_epi32(bits, lengths + i));
		out += __builtin_popcount(bits);
	}
	half = _mm_add_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
	half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
	return (uint32_t)_mm_cvtsi128_si32(half) + (uint32_t)_mm_extract_epi32(half, 1);
}

static AVX512 void sort_avx512(struct sl_graph *graph, struct sl_hop *hop,
			       struct rte_mbuf *const *pkts, const uint8_t *edge, uint16_t n)
{
	sort(graph, hop, pkts, edge, n, match_avx512, pick_avx512);
}

static const struct sl_sort avx512 = {"avx512", 512, sort_avx512};

static inline AVX2 void match_avx2(const uint8_t *edge, uint8_t e, uint64_t *mask,
				   unsigned int words)
{
	const __m256i wanted = _mm256_set1_epi8((char)e);

	for (unsigned int w = 0; w < words; w++) {
		const __m256i *half = (const __m256i *)(const void *)(edge + w * 64);
		uint32_t low = (uint32_t)_mm256_movemask_epi8(
			_mm256_cmpeq_epi8(_mm256_load_si256(half), wanted));
		uint32_t high = (uint32_t)_mm256_movemask_epi8(
			_mm256_cmpeq_epi8(_mm256_load_si256(half + 1), wanted));

		mask[w] = (uint64_t)high << 32 | low;
	}
}

/* For each choice of four: the 32-bit halves of pointers in the order that packs them. */
#define HALVES(a, b, c, d)                                                                 \
	{                                                                                  \
		2 * (a), 2 * (a) + 1, 2 * (b), 2 * (b) + 1, 2 * (c), 2 * (c) + 1, 2 * (d), \
			2 * (d) + 1                                                        \
	}
static const uint32_t packing[16][8] __rte_cache_aligned = {
	HALVES(0, 0, 0, 0), HALVES(0, 0, 0, 0), HALVES(1, 0, 0, 0), HALVES(0, 1, 0, 0),
	HALVES(2, 0, 0, 0), HALVES(0, 2, 0, 0), HALVES(1, 2, 0, 0), HALVES(0, 1, 2, 0),
	HALVES(3, 0, 0, 0), HALVES(0, 3, 0, 0), HALVES(1, 3, 0, 0), HALVES(0, 1, 3, 0),
	HALVES(2, 3, 0, 0), HALVES(0, 2, 3, 0), HALVES(1, 2, 3, 0), HALVES(0, 1, 2, 3),
};
/* And the lengths that count. */
#define WHOLE(bit) ((bit) ? UINT32_MAX : 0)
#define FOUR(i)                                                        \
	{                                                              \
		WHOLE((i)&1), WHOLE((i)&2), WHOLE((i)&4), WHOLE((i)&8) \
	}
static const uint32_t counting[16][4] __rte_cache_aligned = {
	FOUR(0), FOUR(1), FOUR(2),  FOUR(3),  FOUR(4),  FOUR(5),  FOUR(6),  FOUR(7),
	FOUR(8), FOUR(9), FOUR(10), FOUR(11), FOUR(12), FOUR(13), FOUR(14), FOUR(15),
};

static inline AVX2 uint32_t pick_avx2(struct rte_mbuf **out, struct rte_mbuf *const *pkts,
				      const uint32_t *lengths, const uint64_t *mask, unsigned int n)
{
	__m128i bytes = _mm_setzero_si128();

	for (unsigned int i = 0; i < n; i += 4) {
		unsigned int bits = mask[i / 64] >> i % 64 & 15;
		__m256i four = _mm256_loadu_si256((const __m256i *)(const void *)(pkts + i));
		__m256i way = _mm256_load_si256((const __m256i *)(const void *)packing[bits]);
		__m128i length = _mm_loadu_si128((const __m128i *)(const void *)(lengths + i));
		__m128i which = _mm_load_si128((const __m128i *)(const void *)counting[bits]);

		_mm256_storeu_si256((__m256i *)(void *)out, _mm256_permutevar8x32_epi32(four, way));
		bytes = _mm_add_epi32(bytes, _mm_and_si128(length, which));
		out += __builtin_popcount(bits);
	}
	bytes = _mm_add_epi32(bytes, _mm_unpackhi_epi64(bytes, bytes));
	return (uint32_t)_mm_cvtsi128_si32(bytes) + (uint32_t)_mm_extract_epi32(bytes, 1);
}

static AVX2 void sort_avx2(struct sl_graph *graph, struct sl_hop *hop, struct rte_mbuf *const *pkts,
			   const uint8_t *edge, uint16_t n)
{
	sort(graph, hop, pkts, edge, n, match_avx2, pick_avx2);
}

static const struct sl_sort avx2 = {"avx2", 256, sort_avx2};

static bool can_avx512(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2) > 0;
}

static bool can_avx2(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2) > 0;
}

#endif

const struct sl_sort *sl_sort_get(unsigned int i)
{
#ifdef RTE_ARCH_X86_64
	if (can_avx512() && i-- == 0)
		return &avx512;
	if (can_avx2() && i-- == 0)
		return &avx2;
#endif
	return i == 0 ? &scalar : NULL;
}

const struct sl_sort *sl_sort_choose(void)
{
	uint16_t most = rte_vect_get_max_simd_bitwidth();
	const struct sl_sort *choice;

	for (unsigned int i = 0; (choice = sl_sort_get(i)) != NULL; i++)
		if (choice->bits <= most)
			return choice;
	return &scalar;
}

const char *sl_graph_scatter_name(void)
{
	return sl_sort_choose()->name;
}

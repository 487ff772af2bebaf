/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_vect_get_max_simd_bitwidth() is of 20.11 but became stable after 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <core/graph/scatter.h>

#include <stdbool.h>

#include <rte_vect.h>
#ifdef RTE_ARCH_X86_64
#include <immintrin.h>

#include <rte_cpuflags.h>
#endif

/* Eight edges at a time in a plain register: a byte of x is zero where the edge matches. The
 * exact form of the zero-byte test: no carry runs from one byte into the next. */
static void match_scalar(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words)
{
	const uint64_t *eight = (const uint64_t *)(const void *)edge;
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	for (unsigned int w = 0; w < words; w++) {
		uint64_t bits = 0;

		for (unsigned int i = 0; i < 8; i++) {
			uint64_t x = rte_le_to_cpu_64(eight[w * 8 + i]) ^ (0x0101010101010101 * e);
			uint64_t zero = ~(((x & low) + low) | x | low); /* 0x80 where zero */

			bits |= ((zero >> 7) * 0x0102040810204080 >> 56) << (i * 8);
		}
		mask[w] = bits;
	}
}

static void pick_scalar(struct rte_mbuf **out, struct rte_mbuf *const *pkts, const uint64_t *mask,
			unsigned int words)
{
	for (unsigned int w = 0; w < words; w++)
		for (uint64_t bits = mask[w]; bits != 0; bits &= bits - 1)
			*out++ = pkts[w * 64 + (unsigned int)__builtin_ctzll(bits)];
}

static const struct sl_scatter scalar = {"scalar", 64, match_scalar, pick_scalar};

#ifdef RTE_ARCH_X86_64

/* Below this many packets per 64, taking them one by one is cheaper than whole vectors. */
#define SPARSE 6

__attribute__((target("avx512f,avx512bw,avx512vl,popcnt,bmi"))) static void
match_avx512(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words)
{
	const __m512i wanted = _mm512_set1_epi8((char)e);

	for (unsigned int w = 0; w < words; w++)
		mask[w] = _mm512_cmpeq_epi8_mask(_mm512_load_si512(edge + w * 64), wanted);
}

/* Compress in a register and store it whole: compressing to memory is microcode on Zen 4. */
__attribute__((target("avx512f,avx512bw,avx512vl,popcnt,bmi"))) static void
pick_avx512(struct rte_mbuf **out, struct rte_mbuf *const *pkts, const uint64_t *mask,
	    unsigned int words)
{
	for (unsigned int w = 0; w < words; w++, pkts += 64) {
		uint64_t bits = mask[w];

		if (__builtin_popcountll(bits) < SPARSE) {
			for (; bits != 0; bits &= bits - 1)
				*out++ = pkts[__builtin_ctzll(bits)];
			continue;
		}
		for (unsigned int i = 0; bits != 0; i += 8, bits >>= 8) {
			__m512i eight = _mm512_loadu_si512(pkts + i);

			_mm512_storeu_si512(out,
					    _mm512_maskz_compress_epi64((__mmask8)bits, eight));
			out += __builtin_popcount((uint8_t)bits);
		}
	}
}

static const struct sl_scatter avx512 = {"avx512", 512, match_avx512, pick_avx512};

__attribute__((target("avx2,popcnt,bmi"))) static void
match_avx2(const uint8_t *edge, uint8_t e, uint64_t *mask, unsigned int words)
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

/* For each choice of four pointers, the 32-bit halves in the order that packs them. */
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

__attribute__((target("avx2,popcnt,bmi"))) static void pick_avx2(struct rte_mbuf **out,
								 struct rte_mbuf *const *pkts,
								 const uint64_t *mask,
								 unsigned int words)
{
	for (unsigned int w = 0; w < words; w++, pkts += 64) {
		uint64_t bits = mask[w];

		if (__builtin_popcountll(bits) < SPARSE) {
			for (; bits != 0; bits &= bits - 1)
				*out++ = pkts[__builtin_ctzll(bits)];
			continue;
		}
		for (unsigned int i = 0; bits != 0; i += 4, bits >>= 4) {
			__m256i four =
				_mm256_loadu_si256((const __m256i *)(const void *)(pkts + i));
			__m256i way = _mm256_load_si256(
				(const __m256i *)(const void *)packing[bits & 15]);

			_mm256_storeu_si256((__m256i *)(void *)out,
					    _mm256_permutevar8x32_epi32(four, way));
			out += __builtin_popcount((unsigned int)bits & 15);
		}
	}
}

static const struct sl_scatter avx2 = {"avx2", 256, match_avx2, pick_avx2};

static bool can_avx512(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0;
}

static bool can_avx2(void)
{
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0;
}

#endif

const struct sl_scatter *sl_scatter_get(unsigned int i)
{
#ifdef RTE_ARCH_X86_64
	if (can_avx512() && i-- == 0)
		return &avx512;
	if (can_avx2() && i-- == 0)
		return &avx2;
#endif
	return i == 0 ? &scalar : NULL;
}

const struct sl_scatter *sl_scatter_choose(void)
{
	uint16_t most = rte_vect_get_max_simd_bitwidth();
	const struct sl_scatter *scatter;

	for (unsigned int i = 0; (scatter = sl_scatter_get(i)) != NULL; i++)
		if (scatter->bits <= most)
			return scatter;
	return &scalar;
}

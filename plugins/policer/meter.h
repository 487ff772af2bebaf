/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A meter of any of DPDK's three kinds (rte_meter.h). The state is DPDK's and so is the
 * decision. Profiles are filled here, for rte_meter's own rounding of a rate to whole ticks a
 * byte can be off by a percent: time is given to it in 1/256 ticks, and tokens come in portions
 * large enough that the error is below 50 parts in a million.
 */
#ifndef PLUGINS_POLICER_METER_H
#define PLUGINS_POLICER_METER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_meter.h>

#include <sluice/node.h>

enum pol_algorithm { POL_SRTCM, POL_TRTCM, POL_TRTCM_4115 };
enum pol_layer { POL_L3, POL_L2 };

/* Bits of time below a tick. */
#define POL_TIME_SHIFT 8

struct pol_profile {
	union {
		struct rte_meter_srtcm_profile srtcm;
		struct rte_meter_trtcm_profile trtcm;
		struct rte_meter_trtcm_rfc4115_profile trtcm4115;
	};
	uint8_t algorithm; /* enum pol_algorithm */
	bool packets;      /* tokens are packets, not bytes */
};

struct pol_meter {
	union {
		struct rte_meter_srtcm srtcm;
		struct rte_meter_trtcm trtcm;
		struct rte_meter_trtcm_rfc4115 trtcm4115;
	};
};

/* A token bucket as the user says it: tokens for bytes come at `rate` bits a second. */
struct pol_bucket {
	uint64_t rate, burst;
};

/**
 * Fill a profile.
 * @param second   the peak or excess bucket; of srTCM only its burst
 * @param workers  how many share the rate
 * @return ticks that empty buckets take to be full again
 */
uint64_t sl_pol_profile(struct pol_profile *profile, struct pol_bucket first,
			struct pol_bucket second, uint32_t workers);

/* Full buckets. */
void sl_pol_meter_reset(struct pol_meter *meter, const struct pol_profile *profile, uint64_t now);

/* Length that counts: of the IP packet by its header, or of the frame; 1 where packets count. */
static inline uint32_t sl_pol_tokens(const struct pol_profile *profile, uint8_t layer,
				     const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);

	if (profile->packets)
		return 1;
	if (layer == POL_L2)
		return m->pkt_len;
	if (p->flags & SL_PKT_MALFORMED)
		return m->pkt_len - RTE_ETHER_HDR_LEN;
	if (p->family == SL_L3_IPV4)
		return rte_be_to_cpu_16(sl_ipv4(m)->total_length);
	if (p->family == SL_L3_IPV6)
		return rte_be_to_cpu_16(sl_ipv6(m)->payload_len) + sizeof(struct rte_ipv6_hdr);
	return m->pkt_len - RTE_ETHER_HDR_LEN;
}

/* Colour a packet that comes with that colour (green where the meter is colour-blind, which is the
 * same: RFC 2697 section 3) and take its tokens. */
static inline uint8_t sl_pol_check_meter(struct pol_meter *meter, const struct pol_profile *profile,
					 uint64_t now, uint32_t tokens, uint8_t came)
{
	/* rte_meter does not change a profile, but does not say so. */
	struct pol_profile *p = (struct pol_profile *)(uintptr_t)profile;

	now <<= POL_TIME_SHIFT;
	switch (profile->algorithm) {
	case POL_SRTCM:
		return (uint8_t)rte_meter_srtcm_color_aware_check(&meter->srtcm, &p->srtcm, now,
								  tokens, (enum rte_color)came);
	case POL_TRTCM:
		return (uint8_t)rte_meter_trtcm_color_aware_check(&meter->trtcm, &p->trtcm, now,
								  tokens, (enum rte_color)came);
	default:
		return (uint8_t)rte_meter_trtcm_rfc4115_color_aware_check(
			&meter->trtcm4115, &p->trtcm4115, now, tokens, (enum rte_color)came);
	}
}

/* Packets of a burst for the same meter, in their order. */
struct pol_row {
	uint16_t n;
	uint8_t came[SL_BURST], colour[SL_BURST];
	uint32_t tokens[SL_BURST];
};

/**
 * Colour them as sl_pol_check_meter() would one after the other, up to the first that gets a
 * colour of `until`, a bit each: that one takes nothing.
 * @return how many were coloured
 */
uint16_t sl_pol_check_row(struct pol_meter *meter, const struct pol_profile *profile, uint64_t now,
			  struct pol_row *row, uint8_t until);

#endif

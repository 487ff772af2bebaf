/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_common.h>

#include "meter.h"

/* Least length of a period, in units of time: half a unit of rounding is then 1 in 32768. */
#define PERIOD_MIN 16384.0

/* Tokens and the time in which so many come. A rate of 0 gives none, ever. */
static void fill_rate(uint64_t rate, bool packets, uint32_t workers, uint64_t *period,
		      uint64_t *tokens)
{
	double each; /* time of a token */

	if (rate == 0) {
		*period = UINT64_MAX;
		*tokens = 0;
		return;
	}
	each = (double)sl_hz() * (1 << POL_TIME_SHIFT) * (packets ? 1 : 8) * workers / (double)rate;
	*tokens = each >= PERIOD_MIN ? 1 : (uint64_t)(PERIOD_MIN / each) + 1;
	*period = (uint64_t)(each * (double)*tokens + 0.5);
}

static uint64_t refill(uint64_t burst, uint64_t period, uint64_t tokens)
{
	if (tokens == 0)
		return 0;
	return (uint64_t)((double)burst / (double)tokens * (double)period / (1 << POL_TIME_SHIFT));
}

uint64_t sl_pol_profile(struct pol_profile *profile, struct pol_bucket first,
			struct pol_bucket second, uint32_t workers)
{
	uint64_t period, tokens, period2, tokens2;

	fill_rate(first.rate, profile->packets, workers, &period, &tokens);
	fill_rate(second.rate, profile->packets, workers, &period2, &tokens2);
	switch (profile->algorithm) {
	case POL_SRTCM:
		profile->srtcm = (struct rte_meter_srtcm_profile){
			.cbs = first.burst,
			.ebs = second.burst,
			.cir_period = period,
			.cir_bytes_per_period = tokens,
		};
		return refill(first.burst + second.burst, period, tokens);
	case POL_TRTCM:
		profile->trtcm = (struct rte_meter_trtcm_profile){
			.cbs = first.burst,
			.pbs = second.burst,
			.cir_period = period,
			.cir_bytes_per_period = tokens,
			.pir_period = period2,
			.pir_bytes_per_period = tokens2,
		};
		break;
	default:
		profile->trtcm4115 = (struct rte_meter_trtcm_rfc4115_profile){
			.cbs = first.burst,
			.ebs = second.burst,
			.cir_period = period,
			.cir_bytes_per_period = tokens,
			.eir_period = period2,
			.eir_bytes_per_period = tokens2,
		};
	}
	return RTE_MAX(refill(first.burst, period, tokens), refill(second.burst, period2, tokens2));
}

void sl_pol_meter_reset(struct pol_meter *meter, const struct pol_profile *profile, uint64_t now)
{
	now <<= POL_TIME_SHIFT;
	switch (profile->algorithm) {
	case POL_SRTCM:
		meter->srtcm = (struct rte_meter_srtcm){
			.time = now, .tc = profile->srtcm.cbs, .te = profile->srtcm.ebs};
		break;
	case POL_TRTCM:
		meter->trtcm = (struct rte_meter_trtcm){.time_tc = now,
							.time_tp = now,
							.tc = profile->trtcm.cbs,
							.tp = profile->trtcm.pbs};
		break;
	default:
		meter->trtcm4115 = (struct rte_meter_trtcm_rfc4115){.time_tc = now,
								    .time_te = now,
								    .tc = profile->trtcm4115.cbs,
								    .te = profile->trtcm4115.ebs};
	}
}

/*
 * For each kind a loop with the meter in registers. Time stands still in a burst, so tokens come
 * with its first packet; for the others the meter's time is now, which spares them the division,
 * and is put back in the end.
 */
#define CHECK_ROW(kind, time1, time2)                                                            \
	static uint16_t check_##kind(struct rte_meter_##kind *meter,                             \
				     struct rte_meter_##kind##_profile *profile, uint64_t now,   \
				     struct pol_row *row, unsigned int until)                    \
	{                                                                                        \
		struct rte_meter_##kind m = *meter, before;                                      \
		uint64_t then1, then2;                                                           \
		uint16_t i;                                                                      \
                                                                                                 \
		row->colour[0] = (uint8_t)rte_meter_##kind##_color_aware_check(                  \
			&m, profile, now, row->tokens[0], (enum rte_color)row->came[0]);         \
		if (until >> row->colour[0] & 1)                                                 \
			return 0;                                                                \
		then1 = m.time1;                                                                 \
		then2 = m.time2;                                                                 \
		for (i = 1; i < row->n; i++) {                                                   \
			m.time1 = now;                                                           \
			m.time2 = now;                                                           \
			before = m;                                                              \
			row->colour[i] = (uint8_t)rte_meter_##kind##_color_aware_check(          \
				&m, profile, now, row->tokens[i], (enum rte_color)row->came[i]); \
			if (unlikely(until >> row->colour[i] & 1)) {                             \
				m = before;                                                      \
				break;                                                           \
			}                                                                        \
		}                                                                                \
		m.time1 = then1;                                                                 \
		m.time2 = then2;                                                                 \
		*meter = m;                                                                      \
		return i;                                                                        \
	}
CHECK_ROW(srtcm, time, time)
CHECK_ROW(trtcm, time_tc, time_tp)
CHECK_ROW(trtcm_rfc4115, time_tc, time_te)

uint16_t sl_pol_check_row(struct pol_meter *meter, const struct pol_profile *profile, uint64_t now,
			  struct pol_row *row, uint8_t until)
{
	/* rte_meter does not change a profile, but does not say so. */
	struct pol_profile *p = (struct pol_profile *)(uintptr_t)profile;

	now <<= POL_TIME_SHIFT;
	switch (profile->algorithm) {
	case POL_SRTCM:
		return check_srtcm(&meter->srtcm, &p->srtcm, now, row, until);
	case POL_TRTCM:
		return check_trtcm(&meter->trtcm, &p->trtcm, now, row, until);
	default:
		return check_trtcm_rfc4115(&meter->trtcm4115, &p->trtcm4115, now, row, until);
	}
}

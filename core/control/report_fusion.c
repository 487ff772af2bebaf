/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/control/report.h>
#include <core/flow/fusion.h>

static json_t *of_worker(const struct sl_fusion *fusion, unsigned int worker)
{
	struct sl_fusion_stats stats;

	sl_fusion_stats(fusion, &stats);
	return json_pack(
		"{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I}",
		"worker", (int)worker, "flows", (json_int_t)stats.flows, "capacity",
		(json_int_t)stats.capacity, "actions", (json_int_t)stats.actions, "fused",
		(json_int_t)stats.fused, "refused", (json_int_t)stats.refused, "no_room",
		(json_int_t)stats.no_room, "cut", (json_int_t)stats.cut, "aged",
		(json_int_t)stats.aged, "evicted", (json_int_t)stats.evicted, "hits",
		(json_int_t)stats.hits, "walked", (json_int_t)stats.walked, "misses",
		(json_int_t)stats.misses, "unfit", (json_int_t)stats.unfit, "verified",
		(json_int_t)stats.verified, "mismatches", (json_int_t)stats.mismatches,
		"unverified", (json_int_t)stats.unverified);
}

json_t *sl_report_fusion(const struct sl_engine *engine)
{
	json_t *workers = json_array();

	for (unsigned int i = 0; engine->fusion != NULL && i < engine->worker_count; i++)
		json_array_append_new(workers, of_worker(engine->fusion[i], i));
	return json_pack("{s:s, s:I, s:o}", "mode",
			 sl_fusion_mode_name(engine->fusion_control != NULL
						     ? atomic_load(&engine->fusion_control->mode)
						     : SL_FUSION_OFF),
			 "sample",
			 (json_int_t)(engine->fusion_control != NULL
					      ? atomic_load(&engine->fusion_control->sample)
					      : 0),
			 "workers", workers);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow fusion as the engine sees it: one table a worker, and what verification found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include <core/flow/fusion.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/recent.h>
#include <core/port/pcapng.h>
#include <core/worker/ring.h>

#define MISMATCHES_WAITING 64

struct mismatch {
	struct rte_mbuf *fused, *walked; /* NULL: dropped, or the pool was empty */
};

static void keep_mismatch(void *context, struct rte_mbuf *fused, struct rte_mbuf *walked)
{
	struct sl_engine *engine = context;
	struct mismatch one = {.fused = fused, .walked = walked};

	if (rte_ring_enqueue_elem(engine->private->mismatches, &one, sizeof(one)) == 0)
		return;
	rte_pktmbuf_free(fused);
	rte_pktmbuf_free(walked);
}

static int open_mismatches(struct sl_engine *engine, const struct sl_chain_fusion *fusion,
			   struct sl_errors *errors)
{
	struct sl_engine_private *private = engine->private;

	private->mismatches =
		rte_ring_create_elem("sl-mismatches", sizeof(struct mismatch), MISMATCHES_WAITING,
				     (int)rte_socket_id(), SL_RING_TO_ONE);
	if (private->mismatches == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	if (fusion->mismatches == NULL)
		return 0;
	private->mismatch_file = fopen(fusion->mismatches, "we");
	if (private->mismatch_file == NULL)
		return sl_fail_at(errors, &fusion->mismatches, "%s: %s", fusion->mismatches,
				  strerror(errno));
	sl_pcapng_begin(private->mismatch_file);
	fflush(private->mismatch_file);
	return 0;
}

int sl_engine_fusion_start(struct sl_engine *engine, const struct sl_chain *chain,
			   struct sl_errors *errors)
{
	const struct sl_chain_fusion *fusion = chain->fusion;
	struct sl_fusion_conf conf = {
		.flows = (uint32_t)fusion->flows,
		.idle = (uint64_t)((double)fusion->idle * (double)rte_get_tsc_hz() / 1e9),
		.pool = engine->pool,
		.mismatch = keep_mismatch,
		.mismatch_context = engine,
	};
	int err = open_mismatches(engine, fusion, errors);

	if (err != 0)
		return err;
	engine->fusion_control =
		rte_zmalloc("sl_fusion", sizeof(*engine->fusion_control), RTE_CACHE_LINE_SIZE);
	engine->fusion = calloc(engine->worker_count, sizeof(struct sl_fusion *));
	if (engine->fusion_control == NULL || engine->fusion == NULL)
		return sl_fail(errors, ENOMEM, "no memory for flow fusion");
	conf.control = engine->fusion_control;
	atomic_store(&engine->fusion_control->sample, (uint32_t)fusion->sample);
	sl_engine_fuse(engine,
		       engine->fusion_mode >= 0 ? (unsigned int)engine->fusion_mode : fusion->mode);
	for (unsigned int i = 0; i < engine->worker_count; i++) {
		engine->fusion[i] = sl_fusion_new(&conf, errors);
		if (engine->fusion[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

void sl_engine_fuse(struct sl_engine *engine, unsigned int mode)
{
	atomic_store_explicit(&engine->fusion_control->mode, (uint8_t)mode, memory_order_relaxed);
}

static void write_packet(struct sl_engine *engine, struct rte_mbuf *m, const char *comment)
{
	if (engine->private->mismatch_file != NULL && m != NULL)
		sl_pcapng_packet(engine->private->mismatch_file, m, comment);
	rte_pktmbuf_free(m);
}

static unsigned int take_mismatches(struct sl_engine *engine)
{
	struct mismatch one;
	unsigned int taken = 0;

	while (rte_ring_dequeue_elem(engine->private->mismatches, &one, sizeof(one)) == 0) {
		sl_log(SL_LOG_ERROR,
		       "flow fusion: an action made another packet than the graph (%u and %u "
		       "bytes); its flow is not fused now",
		       one.fused != NULL ? one.fused->pkt_len : 0,
		       one.walked != NULL ? one.walked->pkt_len : 0);
		sl_engine_note(engine, "fusion-mismatch", "{}");
		write_packet(engine, one.fused, "as the fused action made it");
		write_packet(engine, one.walked, "as the graph made it");
		taken++;
	}
	if (taken > 0 && engine->private->mismatch_file != NULL)
		fflush(engine->private->mismatch_file);
	return taken;
}

unsigned int sl_engine_fusion_tend(struct sl_engine *engine)
{
	if (engine->fusion == NULL)
		return 0;
	return take_mismatches(engine);
}

void sl_engine_fusion_end(struct sl_engine *engine)
{
	struct sl_engine_private *private = engine->private;

	if (private->mismatches != NULL)
		take_mismatches(engine);
	for (unsigned int i = 0; engine->fusion != NULL && i < engine->worker_count; i++)
		sl_fusion_free(engine->fusion[i]);
	free(engine->fusion);
	engine->fusion = NULL;
	rte_free(engine->fusion_control);
	engine->fusion_control = NULL;
	rte_ring_free(private->mismatches);
	private->mismatches = NULL;
	if (private->mismatch_file != NULL)
		fclose(private->mismatch_file);
	private->mismatch_file = NULL;
}

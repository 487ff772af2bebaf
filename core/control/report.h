/* SPDX-License-Identifier: BSD-3-Clause */
/* What runs, as JSON: for the API, `sluice show` and `sluice run --stats`. Main thread. */
#ifndef CORE_CONTROL_REPORT_H
#define CORE_CONTROL_REPORT_H

#include <jansson.h>

#include <core/control/snapshot.h>

/* One object. */
json_t *sl_report_status(const struct sl_engine *engine, const struct sl_snapshot *s);
/* Lists of objects. */
json_t *sl_report_ports(const struct sl_engine *engine, const struct sl_snapshot *s);
json_t *sl_report_paths(const struct sl_engine *engine, const struct sl_snapshot *s);
json_t *sl_report_nodes(const struct sl_engine *engine, const struct sl_snapshot *s);
json_t *sl_report_vnfs(const struct sl_engine *engine);
json_t *sl_report_workers(const struct sl_engine *engine);
json_t *sl_report_memory(const struct sl_engine *engine);
/* One object with a list of workers. */
json_t *sl_report_fusion(const struct sl_engine *engine);
json_t *sl_report_faults(const struct sl_engine *engine);
/* One, with its packets; NULL: it is not kept. */
json_t *sl_report_fault(const struct sl_engine *engine, uint64_t number);
/* Add what is to be said of an instance in quarantine, or that had faults. */
void sl_report_quarantine(json_t *object, const struct sl_engine *engine,
			  const struct sl_instance *instance);
/* {ports: [nanoseconds from port to port], hops: [cycles a packet]} */
json_t *sl_report_latency(const struct sl_engine *engine);
json_t *sl_report_plugins(const struct sl_registry *registry);
/* All that counts packets: status, totals, ports, paths. */
json_t *sl_report_stats(const struct sl_engine *engine);
/* {reason: packets}, those that are not zero: of all hops and of what was dropped elsewhere. */
json_t *sl_report_all_drops(const struct sl_engine *engine, const struct sl_snapshot *s);
/* Of one hop. */
json_t *sl_report_drops(const struct sl_engine *engine, const struct sl_snapshot *s,
			unsigned int hop);

#endif

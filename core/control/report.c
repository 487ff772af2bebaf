/* SPDX-License-Identifier: BSD-3-Clause */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include <core/control/report.h>
#include <core/host/drain.h>
#include <core/host/watching.h>
#include <core/plugin/arena.h>
#include <core/plugin/json.h>
#include <core/port/l3.h>

static void put(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_text(json_t *object, const char *key, const char *value)
{
	sl_json_text(sl_json_from(object), key, value);
}

/* Rounded, so that tables and eyes get no noise. */
static void put_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real((double)(int64_t)(value * 100 + 0.5) / 100));
}

static json_t *totals(const struct sl_totals *t)
{
	json_t *object = json_object();

	put(object, "rx", t->rx);
	put(object, "made", t->made);
	put(object, "tx", t->tx);
	put(object, "drops", t->drops);
	put(object, "joined", t->joined);
	put(object, "held", t->held);
	return object;
}

/* What it began with. */
static json_t *restored(const struct sl_restored *r)
{
	json_t *object = json_object();

	put(object, "saved", r->when / 1000000000);
	put(object, "taken", r->taken);
	put(object, "moved", r->moved);
	put(object, "void", r->void_);
	put(object, "refused", r->refused);
	put(object, "lost", r->lost);
	if (r->from != 0) {
		put(object, "from_process", (uint64_t)r->from);
		put_real(object, "outage_ms", (double)r->outage * 1e3 / (double)rte_get_tsc_hz());
	}
	return object;
}

static json_t *drain(const struct sl_draining *draining)
{
	json_t *object = json_object();

	put(object, "generation", draining->generation);
	put_text(object, "state", draining->learning ? "learning" : "draining");
	put(object, "flows", draining->flows);
	put(object, "finished", draining->finished);
	put_real(object, "seconds_left", draining->left);
	return object;
}

json_t *sl_report_status(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	json_t *object = json_object();
	struct sl_draining draining;

	put_text(object, "version", SL_VERSION);
	put_text(object, "state", engine->stopped ? "stopped" : "running");
	if (engine->generation != NULL) {
		put_text(object, "chain", engine->generation->chain->name);
		put_text(object, "file", engine->generation->chain->file);
		put(object, "generation", engine->generation->number);
	}
	put_real(object, "seconds", s->seconds);
	put(object, "started", (uint64_t)engine->started_at);
	put_text(object, "dpdk", rte_version());
	put(object, "tsc_hz", rte_get_tsc_hz());
	put(object, "punted", sl_engine_punted(engine));
	put(object, "worker_count", engine->worker_count);
	put(object, "events", engine->events);
	put(object, "events_lost", engine->events_lost);
	put(object, "watchers", sl_watching_count(engine));
	json_object_set_new(object, "totals", totals(&s->totals));
	if (engine->restored.when != 0)
		json_object_set_new(object, "restored", restored(&engine->restored));
	if (sl_engine_draining(engine, &draining))
		json_object_set_new(object, "drain", drain(&draining));
	return object;
}

json_t *sl_report_drops(const struct sl_engine *engine, const struct sl_snapshot *s,
			unsigned int hop)
{
	const struct sl_node_type *type = engine->generation->hops[hop].instance->type;
	json_t *object = json_object();

	for (unsigned int i = s->first_drop[hop]; i < s->first_drop[hop + 1]; i++) {
		const char *reason = sl_drop_reason(type, i - s->first_drop[hop]);

		if (s->drops[i] != 0 && reason != NULL)
			put(object, reason, s->drops[i]);
	}
	return object;
}

static void put_hop(json_t *object, const struct sl_engine *engine, const struct sl_snapshot *s,
		    unsigned int hop)
{
	const struct sl_hop_stats *stats = &s->hops[hop];

	put(object, "packets", stats->packets);
	put(object, "fused", stats->fused);
	put(object, "bytes", stats->bytes);
	put(object, "calls", stats->calls);
	put(object, "cycles", stats->cycles);
	put_real(object, "cycles_per_packet",
		 stats->packets != 0 ? (double)stats->cycles / (double)stats->packets : 0);
	put(object, "made", stats->emitted);
	put(object, "held", stats->held);
	put(object, "dropped", stats->drops);
	json_object_set_new(object, "drops", sl_report_drops(engine, s, hop));
}

/* One direction of a port: its Rx or Tx hop. */
static json_t *port_side(const struct sl_engine *engine, const struct sl_snapshot *s,
			 unsigned int port, enum sl_plan_kind kind)
{
	const struct sl_plan *plan = engine->generation->plan;
	json_t *object = json_object(), *drops = json_object();
	uint64_t packets = 0, bytes = 0, dropped = 0;

	for (unsigned int h = 0; h < plan->hop_count; h++) {
		json_t *part;

		if (plan->hops[h].kind != kind || plan->hops[h].port != port)
			continue;
		packets += s->hops[h].packets;
		bytes += s->hops[h].bytes;
		dropped += s->hops[h].drops;
		part = sl_report_drops(engine, s, h);
		json_object_update(drops, part);
		json_decref(part);
	}
	put(object, "packets", kind == SL_PLAN_TX ? packets - dropped : packets);
	put(object, "bytes", bytes);
	put(object, "dropped", dropped);
	json_object_set_new(object, "drops", drops);
	return object;
}

json_t *sl_report_ports(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < engine->port_count; i++) {
		const struct sl_port *port = engine->ports[i];
		json_t *object = json_object(), *device = json_object(), *l3;

		/* What drains is called otherwise meanwhile. */
		put_text(object, "name", engine->generation->chain->ports[i].name);
		put_text(object, "kind", port->kind->name);
		json_object_set_new(object, "rx", port_side(engine, s, i, SL_PLAN_RX));
		json_object_set_new(object, "tx", port_side(engine, s, i, SL_PLAN_TX));
		sl_port_show(port, sl_json_from(device));
		json_object_set_new(object, "device", device);
		if (port->l3 != NULL) {
			l3 = json_object();
			sl_l3_show(port->l3, sl_json_from(l3));
			json_object_set_new(object, "l3", l3);
		}
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *path_hops(const struct sl_engine *engine, const struct sl_snapshot *s,
			 unsigned int path)
{
	const struct sl_generation *g = engine->generation;
	json_t *list = json_array();

	for (unsigned int h = 0; h < g->plan->hop_count; h++) {
		const struct sl_plan_hop *hop = &g->plan->hops[h];
		json_t *object;

		if (hop->kind != SL_PLAN_VNF || hop->path != path)
			continue;
		object = json_object();
		put_text(object, "name", hop->name);
		put_text(object, "vnf", g->chain->vnfs[hop->vnf].name);
		put_text(object, "direction", hop->from == SL_INSIDE ? "forward" : "backward");
		put_hop(object, engine, s, h);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *path_vnfs(const struct sl_chain *chain, const struct sl_chain_path *path)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < path->stop_count; i++)
		json_array_append_new(list, json_string(chain->vnfs[path->stops[i].vnf].name));
	return list;
}

json_t *sl_report_paths(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	const struct sl_chain *chain = engine->generation->chain;
	json_t *list = json_array();

	for (unsigned int i = 0; i < chain->path_count; i++) {
		const struct sl_chain_path *path = &chain->paths[i];
		json_t *object = json_object();

		put_text(object, "name", path->name);
		put_text(object, "first", chain->ports[path->first].name);
		put_text(object, "last", chain->ports[path->last].name);
		json_object_set_new(object, "both_ways", json_boolean(path->both_ways));
		json_object_set_new(object, "vnfs", path_vnfs(chain, path));
		json_object_set_new(object, "hops", path_hops(engine, s, i));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_nodes(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	const struct sl_generation *g = engine->generation;
	json_t *list = json_array();

	for (unsigned int h = 0; h < g->plan->hop_count; h++) {
		json_t *object = json_object();

		put(object, "number", h);
		put_text(object, "name", g->plan->hops[h].name);
		put_text(object, "type", g->hops[h].instance->type->name);
		if (g->plan->hops[h].path != UINT_MAX)
			put_text(object, "path", g->chain->paths[g->plan->hops[h].path].name);
		if (g->plan->hops[h].kind == SL_PLAN_VNF)
			put_text(object, "vnf", g->chain->vnfs[g->plan->hops[h].vnf].name);
		put_hop(object, engine, s, h);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *counters(const struct sl_instance *instance)
{
	const struct sl_name *names = instance->type->counters;
	json_t *object = json_object();

	for (unsigned int c = 0; names != NULL && names[c].name != NULL; c++) {
		put(object, names[c].name, sl_instance_counter(instance, c));
	}
	return object;
}

static json_t *arguments(const struct sl_command *command)
{
	json_t *names = json_array();

	for (const struct sl_param *p = command->args; p != NULL && p->name != NULL; p++)
		json_array_append_new(names, json_string(p->name));
	return names;
}

static json_t *commands(const struct sl_node_type *type)
{
	json_t *list = json_array();

	for (const struct sl_command *c = type->commands; c != NULL && c->name != NULL; c++) {
		json_t *object = json_object();

		put_text(object, "name", c->name);
		json_object_set_new(object, "changes", json_boolean(c->changes));
		put_text(object, "doc", c->doc);
		json_object_set_new(object, "arguments", arguments(c));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_vnfs(const struct sl_engine *engine)
{
	const struct sl_generation *g = engine->generation;
	json_t *list = json_array();

	for (unsigned int i = 0; i < g->chain->vnf_count; i++) {
		const struct sl_instance *instance = g->vnfs[i];
		const struct sl_loaded_plugin *plugin =
			sl_registry_owner(engine->registry, instance->type);
		json_t *object = json_object();
		uint64_t cap;

		put_text(object, "name", instance->name);
		put_text(object, "type", instance->type->name);
		put_text(object, "plugin", plugin != NULL ? plugin->plugin->name : NULL);
		put(object, "workers", instance->workers);
		put(object, "memory", sl_instance_memory(instance, &cap));
		if (cap != 0)
			put(object, "memory_limit", cap);
		sl_report_quarantine(object, engine, instance);
		json_object_set_new(object, "counters", counters(instance));
		json_object_set_new(object, "commands", commands(instance->type));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_workers(const struct sl_engine *engine)
{
	json_t *list = json_array();
	double hz = (double)rte_get_tsc_hz();

	for (unsigned int i = 0; i < engine->worker_count; i++) {
		json_t *object = json_object();
		struct sl_worker_stats s;
		uint64_t cycles, now = rte_rdtsc();
		uint16_t hop = SL_GRAPH_NO_HOP;
		bool stuck;

		sl_worker_stats(engine->workers[i], &s);
		cycles = s.busy_cycles + s.idle_cycles;
		put(object, "worker", sl_worker_index(engine->workers[i]));
		put(object, "core", engine->config->worker_cores[i]);
		put_real(object, "busy_percent",
			 cycles != 0 ? 100.0 * (double)s.busy_cycles / (double)cycles : 0);
		put(object, "rx", s.polled);
		put(object, "busy_cycles", s.busy_cycles);
		put(object, "idle_cycles", s.idle_cycles);
		put(object, "loops", s.loops);
		put(object, "busy_loops", s.busy_loops);
		put(object, "sleeps", s.sleeps);
		put(object, "inbox_in", s.inbox_in);
		put(object, "inbox_waiting",
		    s.inbox_in > s.inbox_out ? s.inbox_in - s.inbox_out : 0);
		put(object, "inbox_capacity", sl_worker_inbox_size(engine->workers[i]));
		put(object, "inbox_full", s.inbox_full);
		put(object, "inbox_stale", s.inbox_stale);
		put_real(object, "longest_gap_us", (double)s.longest_gap * 1e6 / hz);
		put_real(object, "switch_gap_us", (double)s.switch_gap * 1e6 / hz);
		put_real(object, "heartbeat_ms",
			 now > s.heartbeat ? (double)(now - s.heartbeat) * 1000 / hz : 0);
		stuck = sl_engine_worker_stuck(engine, i, &hop);
		json_object_set_new(object, "stuck", json_boolean(stuck));
		if (stuck && hop < engine->generation->plan->hop_count)
			put_text(object, "stuck_in", engine->generation->hops[hop].name);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_memory(const struct sl_engine *engine)
{
	const struct sl_generation *g = engine->generation;
	json_t *list = json_array(), *object;

	object = json_object();
	put_text(object, "owner", "packets");
	put(object, "bytes",
	    (uint64_t)engine->pool->size * (engine->pool->elt_size + engine->pool->header_size +
					    engine->pool->trailer_size));
	put(object, "packets", engine->pool->size);
	put(object, "packets_free", rte_mempool_avail_count(engine->pool));
	json_array_append_new(list, object);
	for (unsigned int i = 0; i < g->chain->vnf_count; i++) {
		uint64_t cap, used = sl_instance_memory(g->vnfs[i], &cap);

		object = json_object();
		put_text(object, "owner", g->vnfs[i]->name);
		put(object, "bytes", used);
		put(object, "hugepage_bytes", sl_arena_huge(g->vnfs[i]->arena));
		if (cap != 0)
			put(object, "limit", cap);
		json_array_append_new(list, object);
	}
	return list;
}

json_t *sl_report_plugins(const struct sl_registry *registry)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < sl_registry_count(registry); i++) {
		const struct sl_loaded_plugin *loaded = sl_registry_get(registry, i);
		json_t *object = json_object(), *types = json_array();

		for (unsigned int t = 0; t < loaded->plugin->type_count; t++)
			sl_json_text(sl_json_from(types), NULL, loaded->plugin->types[t].name);
		put_text(object, "name", loaded->plugin->name);
		put_text(object, "version", loaded->plugin->version);
		put_text(object, "license", loaded->plugin->license);
		json_object_set_new(object, "types", types);
		put(object, "instances", loaded->instances);
		put_text(object, "path", loaded->path);
		put_text(object, "doc", loaded->plugin->doc);
		json_array_append_new(list, object);
	}
	return list;
}

/* What was dropped by no hop: because everything had to end, or by the main thread. */
static void other_drops(const struct sl_engine *engine, json_t *sums, uint64_t count)
{
	const struct sl_leftover *left = &engine->leftover;
	const struct {
		const char *reason;
		uint64_t count;
	} ends[] = {
		{"left-in-inboxes", left->inboxes},
		{"left-punted", left->punted},
		{"left-in-graphs", left->graphs},
		{"left-held", left->held},
	};

	for (unsigned int i = 0; i < RTE_DIM(ends); i++) {
		if (ends[i].count == 0)
			continue;
		put(sums, ends[i].reason, ends[i].count);
		count -= RTE_MIN(count, ends[i].count);
	}
	if (count > 0)
		put(sums, "outside-the-graph", count);
}

json_t *sl_report_all_drops(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	json_t *sums = json_object(), *hop, *value;
	const char *reason;
	uint64_t known = 0;

	for (unsigned int h = 0; h < s->hop_count; h++) {
		hop = sl_report_drops(engine, s, h);
		json_object_foreach (hop, reason, value) {
			json_int_t have = json_integer_value(json_object_get(sums, reason));

			known += (uint64_t)json_integer_value(value);
			put(sums, reason, (uint64_t)(have + json_integer_value(value)));
		}
		json_decref(hop);
	}
	for (unsigned int i = 0; i < sl_engine_gone(engine, NULL); i++) {
		const struct sl_gone *gone;

		sl_engine_gone(engine, &gone);
		known += gone[i].count;
		put(sums, gone[i].reason,
		    (uint64_t)json_integer_value(json_object_get(sums, gone[i].reason)) +
			    gone[i].count);
	}
	if (s->totals.drops > known)
		other_drops(engine, sums, s->totals.drops - known);
	return sums;
}

json_t *sl_report_stats(const struct sl_engine *engine)
{
	struct sl_snapshot *s = sl_snapshot_take(engine);
	json_t *object;

	if (s == NULL)
		return NULL;
	object = sl_report_status(engine, s);
	json_object_set_new(object, "drops", sl_report_all_drops(engine, s));
	json_object_set_new(object, "ports", sl_report_ports(engine, s));
	json_object_set_new(object, "paths", sl_report_paths(engine, s));
	json_object_set_new(object, "vnfs", sl_report_vnfs(engine));
	json_object_set_new(object, "hops", sl_report_nodes(engine, s));
	json_object_set_new(object, "workers", sl_report_workers(engine));
	json_object_set_new(object, "fusion", sl_report_fusion(engine));
	sl_snapshot_free(s);
	return object;
}

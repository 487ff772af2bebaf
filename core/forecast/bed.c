/* SPDX-License-Identifier: BSD-3-Clause */
/* The chain of a measurement: text for the ports, and the functions as another chain has them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/trail.h>

#include <core/chain/store.h>
#include <core/forecast/mirror.h>
#include <core/forecast/profile.h>

#define FILE_NAME "--traffic"
#define GATEWAY   "02:00:00:00:00:02"

/* A function that does nothing: what is left is what the graph and flow fusion cost. */
static void pass(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);

		if (trail != NULL)
			sl_trail_pass(trail);
	}
}

static const struct sl_node_type pass_type = {
	.name = "pass",
	.doc = "Does nothing",
	.flags = SL_NODE_TRAILS,
	.process = pass,
};

static const struct sl_node_type whole_type = {
	.name = "whole",
	.doc = "Does nothing to whole datagrams",
	.flags = SL_NODE_TRAILS | SL_NODE_WHOLE_DATAGRAMS,
	.process = pass,
};

static char *write_text(const struct sl_profile_conf *conf)
{
	bool l3 = conf->what == SL_PROFILE_L3;
	bool pins = conf->what == SL_PROFILE_PINS;
	bool spread = conf->what == SL_PROFILE_SPREAD;
	bool sink = conf->what == SL_PROFILE_SINK || spread;
	char *text;

	if (asprintf(&text,
		     "{sluice: 1, fusion: {mode: off, sample: 0, flows: %llu}, ports: {\n"
		     "in: {kind: generator, mtu: 9000, flows: %llu, size: %u%s%s%s%s},\n"
		     "out: {kind: %s, mtu: 9000%s},\n"
		     "aside: {kind: sink}, end: {kind: sink}%s},\n"
		     "paths: {only: in %s out, spare: aside -> end%s}}\n",
		     (unsigned long long)(conf->flows < 1024 ? 4096 : 4 * conf->flows),
		     (unsigned long long)conf->flows, conf->bytes, spread ? ", queues: 1" : "",
		     conf->traffic != NULL ? ", " : "", conf->traffic != NULL ? conf->traffic : "",
		     l3 ? ", addresses: [192.0.2.1/24], routes: [{to: 198.18.0.0/16, via: "
			  "192.0.2.2}], neighbours: [{address: 192.0.2.2, mac: '" GATEWAY "'}]"
			: "",
		     sink ? "sink" : SL_MIRROR_PORT,
		     l3 ? ", addresses: [203.0.113.1/24], routes: [{to: 198.19.0.0/16, via: "
			  "203.0.113.2}], neighbours: [{address: 203.0.113.2, mac: '" GATEWAY "'}]"
			: "",
		     pins ? ", more: {kind: sink}" : "", sink ? "->" : "<->",
		     pins ? ", other: more <-> out" : "") < 0)
		return NULL;
	return text;
}

/* The functions to be measured, each with a copy of what the chain says of it. Where they send
 * packets to other paths, those end. */
static bool graft(struct sl_chain *chain, const struct sl_profile_conf *conf)
{
	unsigned int count = conf->what == SL_PROFILE_PATH ? conf->stop_count : 0;
	unsigned int stops = count > 0 ? count : 1;
	struct sl_chain_vnf *vnfs = sl_store_alloc(chain->store, stops, sizeof(*vnfs));
	struct sl_chain_path *path = &chain->paths[0];

	path->stops = sl_store_alloc(chain->store, stops, sizeof(*path->stops));
	if (vnfs == NULL || path->stops == NULL)
		return false;
	vnfs[0] = (struct sl_chain_vnf){
		.name = "pass",
		.type = conf->what == SL_PROFILE_WHOLE ? &whole_type : &pass_type,
		.config = "",
	};
	for (unsigned int i = 0; i < stops; i++)
		path->stops[i].vnf = i;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int stop = conf->first_stop + i;
		const struct sl_chain_stop *from = &conf->chain->paths[conf->path].stops[stop];
		uint32_t *edges;

		vnfs[i] = conf->chain->vnfs[from->vnf];
		vnfs[i].core_count = 0;
		edges = sl_store_alloc(chain->store, vnfs[i].edge_count + 1, sizeof(*edges));
		if (edges == NULL)
			return false;
		for (unsigned int e = 0; e < vnfs[i].edge_count; e++)
			edges[e] = vnfs[i].edge_paths[e] == SL_NO_PATH ? SL_NO_PATH : 1;
		vnfs[i].edge_paths = edges;
	}
	chain->vnfs = vnfs;
	chain->vnf_count = stops;
	path->stop_count = stops;
	return true;
}

/* As many paths from the port as its steering knows, all with one that does nothing. */
static bool steer(struct sl_chain *chain, const struct sl_profile_conf *conf)
{
	struct sl_chain_entry entries[SL_MAX_ENTRIES];
	unsigned int count =
		sl_chain_entries(conf->chain, conf->steering->port, entries, SL_MAX_ENTRIES);
	struct sl_chain_path *paths = sl_store_alloc(chain->store, count + 1, sizeof(*paths));
	struct sl_chain_steering *steering = sl_store_alloc(chain->store, 1, sizeof(*steering));

	if (paths == NULL || steering == NULL)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		paths[i] = chain->paths[0];
		paths[i].both_ways = false;
		paths[i].name = conf->chain->paths[entries[i].path].name;
	}
	*steering = *conf->steering;
	steering->port = SL_PROFILE_IN;
	chain->paths = paths;
	chain->path_count = count;
	chain->steerings = steering;
	chain->steering_count = 1;
	return true;
}

struct sl_chain *sl_profile_chain(const struct sl_profile_conf *conf, struct sl_errors *errors)
{
	char *text = write_text(conf);
	struct sl_chain *chain = NULL;

	sl_mirror_port_register();
	if (text != NULL)
		chain = sl_chain_load_bytes(FILE_NAME, text, strlen(text), conf->registry, NULL, 0,
					    errors);
	free(text);
	if (chain == NULL)
		return NULL;
	if (graft(chain, conf) && (conf->what != SL_PROFILE_STEER || steer(chain, conf)))
		return chain;
	sl_fail(errors, ENOMEM, "out of memory");
	sl_chain_free(chain);
	return NULL;
}

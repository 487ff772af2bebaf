/* SPDX-License-Identifier: BSD-3-Clause */
/* The node `reassemble`: fragments in, datagrams out. All else passes by. */
#include <errno.h>

#include <sluice/trail.h>

#include <core/port/icmp.h>
#include <core/port/reassemble.h>

#define DATAGRAMS 1024 /* at once and worker */
#define FRAGMENTS 8192 /* at most; less when the packet pool is small */

static const struct sl_name reasons[] = {SL_REASSEMBLY_REASON_NAMES, {NULL, NULL}};

enum counter { WHOLE = SL_ICMP_COUNTERS };

static const struct sl_name counters[] = {
	SL_ICMP_COUNTER_NAMES,
	{"reassembled", "Datagrams put together"},
	{NULL, NULL},
};

struct reassemble_node {
	struct sl_port *port;
};

struct reassemble_state {
	struct sl_reassembly *table;
};

/* A port without addresses has nothing to speak from. */
static void expired(struct sl_node *node, const struct rte_mbuf *first)
{
	const struct reassemble_node *self = node->data;

	if (self->port->l3 != NULL)
		sl_icmp_error(node, self->port->l3, first, SL_ICMP_REASSEMBLY, 0);
}

static void wrong(struct sl_node *node, const struct rte_mbuf *m, uint32_t pointer)
{
	const struct reassemble_node *self = node->data;

	if (self->port->l3 != NULL)
		sl_icmp_error(node, self->port->l3, m, SL_ICMP_PARAMETER, pointer);
}

static int create(struct sl_instance *instance, const void *config, struct sl_errors *errors)
{
	const struct sl_port_node_config *node_config = config;
	struct reassemble_node *self = sl_instance_data(instance);

	(void)errors;
	self->port = node_config->port;
	return 0;
}

/* Fragments that wait must leave the port packets to receive with. */
static uint32_t most_fragments(const struct sl_port *port, uint32_t workers)
{
	uint32_t share = port->pool == NULL ? FRAGMENTS : port->pool->size / 4 / workers;

	return RTE_MAX(RTE_MIN(share, (uint32_t)FRAGMENTS), 64u);
}

static int worker_init(struct sl_node *node, struct sl_errors *errors)
{
	const struct reassemble_node *self = node->data;
	struct reassemble_state *state = node->state;
	struct sl_reassembly_conf conf = {
		.datagrams = DATAGRAMS,
		.fragments = most_fragments(self->port, node->workers),
		.expired = expired,
		.wrong = wrong,
	};

	state->table = sl_reassembly_new(node->instance, &conf, errors);
	return state->table != NULL ? 0 : -ENOMEM;
}

static void process(struct sl_node *node, struct rte_mbuf **pkts, uint8_t *edge, uint16_t n)
{
	struct reassemble_state *state = node->state;
	struct rte_mbuf *whole;

	for (uint16_t i = 0; i < n; i++) {
		const struct sl_packet *p = sl_packet(pkts[i]);

		if (likely(!(p->flags & SL_PKT_FRAGMENT)) || (p->flags & SL_PKT_MALFORMED))
			continue;
		edge[i] = sl_reassembly_take(state->table, node, pkts[i], &whole);
		if (whole != NULL) {
			sl_count(node, WHOLE, 1);
			sl_release(node, whole, SL_ON);
		}
	}
	for (uint16_t i = 0; sl_recording(node) && i < n; i++) {
		struct sl_trail *trail = sl_trail(node, pkts[i]);

		if (trail != NULL && !(sl_packet(pkts[i])->flags & SL_PKT_FRAGMENT))
			sl_trail_pass(trail);
	}
}

static void destroy(struct sl_instance *instance)
{
	for (uint32_t i = 0; i < sl_instance_workers(instance); i++) {
		struct reassemble_state *state = sl_instance_state(instance, i);

		if (state != NULL)
			sl_reassembly_free(state->table);
	}
}

static void tick(struct sl_node *node)
{
	struct reassemble_state *state = node->state;

	sl_reassembly_tick(state->table, node);
}

const struct sl_node_type sl_reassemble_type = {
	.name = "reassemble",
	.doc = "Puts datagrams together from their fragments",
	.flags = SL_NODE_HOLDS | SL_NODE_TRAILS,
	.reasons = reasons,
	.counters = counters,
	.config_size = sizeof(struct sl_port_node_config),
	.instance_size = sizeof(struct reassemble_node),
	.state_size = sizeof(struct reassemble_state),
	.create = create,
	.destroy = destroy,
	.worker_init = worker_init,
	.process = process,
	.tick = tick,
	.tick_ms = 100,
};

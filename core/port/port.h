/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: where packets enter and leave. A kind is one file that defines a struct sl_port_kind
 * and registers it with SL_PORT_KIND(); most kinds only make the devargs of an ethdev and use
 * the ethdev calls of ethdev.h for the rest.
 */
#ifndef CORE_PORT_PORT_H
#define CORE_PORT_PORT_H

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_spinlock.h>

#include <sluice/node.h>

struct sl_port;

/* A route of a port with addresses. */
struct sl_route_config {
	uint64_t given;
	struct sl_prefix to;
	struct sl_addr via; /* not given: on link */
};

/* A neighbour that is told, not asked for. */
struct sl_neighbour_config {
	uint64_t given;
	struct sl_addr address;
	struct rte_ether_addr mac;
};

/* Bits of sl_port_config.given: the order of sl_port_params. */
enum sl_port_param {
	SL_PORT_MAC,
	SL_PORT_MTU,
	SL_PORT_PROMISCUOUS,
	SL_PORT_QUEUES,
	SL_PORT_DESCRIPTORS,
	SL_PORT_ADDRESSES,
	SL_PORT_ROUTES,
	SL_PORT_NEIGHBOURS,
	SL_PORT_ICMP_RATE,
	SL_PORT_CORES,
};

/* Parameters that every kind has: sl_port_params. */
struct sl_port_config {
	uint64_t given;
	struct rte_ether_addr mac;
	uint64_t mtu;     /* bytes of IP; default 1500 */
	bool promiscuous; /* default: true without addresses, false with */
	uint64_t queues;  /* Rx queues; 0: one a worker where the device can */
	uint64_t descriptors;
	struct sl_list addresses;  /* of struct sl_prefix (SL_IFADDR); any: the port is L3 */
	struct sl_list routes;     /* of struct sl_route_config */
	struct sl_list neighbours; /* of struct sl_neighbour_config */
	uint64_t icmp_rate;        /* ICMP errors a second and worker */
	struct sl_list cores;      /* of struct sl_span: workers that poll it; none: all */
};
extern const struct sl_param sl_port_params[];

struct sl_port_kind {
	const char *name; /* as `kind:` names it */
	const char *doc;
	const struct sl_param *params; /* its own, beside sl_port_params; or NULL */
	size_t config_size;
	bool needs_root; /* for messages */
	bool needs_pci;  /* EAL must scan the PCI bus */
	/* Two processes can have the same open at a time, and one that has not started it gets
	 * nothing and disturbs nobody: see core/host/hand_over.h. */
	bool shareable;
	int (*check)(const void *config, struct sl_errors *errors); /* pure; may be NULL */
	/* What the port stands on ("eth1", "0000:03:00.0", "/run/a.sock"), so that two ports on
	 * one device are found by the checker. NULL result: nothing exclusive. */
	const char *(*device)(const void *config);
	/* Open with port->rx_queues x port->tx_queues; sets mac, mtu, ethdev, rx, tx. The
	 * message says which port, why, and what to do about it. */
	int (*open)(struct sl_port *port, struct sl_errors *errors);
	int (*start)(struct sl_port *port, struct sl_errors *errors);
	void (*stop)(struct sl_port *port);
	void (*close)(struct sl_port *port);
	/* Nothing more will ever come (a capture file that was read). NULL: never. */
	bool (*drained)(const struct sl_port *port);
	/* Counters and what there is to know of the kind's own; NULL: nothing. Main. */
	void (*show)(const struct sl_port *port, struct sl_json *out);
	struct sl_port_kind *next; /* list of registered kinds */
};

void sl_port_kind_register(struct sl_port_kind *kind);
const struct sl_port_kind *sl_port_kind_find(const char *name);
const struct sl_port_kind *sl_port_kind_first(void);
#define SL_PORT_KIND(kind)                                             \
	__attribute__((constructor)) static void kind##_register(void) \
	{                                                              \
		sl_port_kind_register(&(kind));                        \
	}

typedef uint16_t (*sl_burst_fn)(struct sl_port *port, uint16_t queue, struct rte_mbuf **pkts,
				uint16_t n);

struct sl_port {
	const char *name;
	uint16_t index;
	const struct sl_port_kind *kind;
	const void *kind_config;
	const struct sl_port_config *config;
	uint16_t ethdev; /* DPDK port id, RTE_MAX_ETHPORTS when there is none */
	uint16_t rx_queues, tx_queues;
	struct rte_mempool *pool;
	struct rte_ether_addr mac;
	uint16_t mtu;
	sl_burst_fn rx; /* worker: receive up to n */
	sl_burst_fn tx; /* worker: send; returns how many were taken, the rest are the caller's */
	void *private;
	struct sl_l3_port *l3; /* core/port/l3.h; NULL for a port without addresses */
	/* Whether its Rx queues spread sessions symmetrically by hardware. */
	bool symmetric_rss;
	/* Longest frame it can send, without checksum. */
	uint32_t frame_max;
	/* It sends from one segment only: port-tx gathers packets first. */
	bool one_segment;
	/* One for each Tx queue, where workers must share them; else NULL. */
	rte_spinlock_t *tx_locks;
	bool started;
	bool parked; /* see sl_port_park() */
	bool left;   /* another process has it open and goes on: leave what it stands on as it is */
};

/* Whether a common parameter stands in the file. */
static inline bool sl_port_given(const struct sl_port_config *config, enum sl_port_param param)
{
	return config->given >> param & 1;
}

/* Open and start by kind, with the common parameters applied. */
struct sl_port *sl_port_open(const char *name, uint16_t index, const struct sl_port_kind *kind,
			     const void *kind_config, const struct sl_port_config *config,
			     struct rte_mempool *pool, uint16_t workers, struct sl_errors *errors);
int sl_port_start(struct sl_port *port, struct sl_errors *errors);
void sl_port_stop(struct sl_port *port);
void sl_port_close(struct sl_port *port);
bool sl_port_drained(const struct sl_port *port);
/* Stop and close the device while workers go on with the port: it receives nothing and what is sent
 * to it is dropped. Then the device can be opened by another port. */
void sl_port_park(struct sl_port *port);
/* Open and start a parked port again. 0, or -errno with a message, and it stays parked. */
int sl_port_reopen(struct sl_port *port, struct sl_errors *errors);
/* What `sluice show ports` says of it. Main. */
void sl_port_show(const struct sl_port *port, struct sl_json *out);

/*
 * The engine's nodes at a port, as node types. Their instances' config is a
 * struct sl_port_node_config.
 *  port-rx:    parse, count, drop what is malformed. on -> next
 *  port-tx:    send; what the device does not take is dropped as tx-full
 *  reassemble: fragments in, datagrams out (holds)
 *  fragment:   for ports without addresses: datagrams that were reassembled or are too long
 *              leave as fragments
 *  l3-in:      is it for us (MAC, ARP, ND, ping), TTL. on -> chain; back -> l3-out of the port
 *  l3-out:     route, next hop, MTU, Ethernet header. on -> port-tx; back -> into the chain
 */
struct sl_port_node_config {
	struct sl_port *port;
};
extern const struct sl_node_type sl_port_rx_type;
extern const struct sl_node_type sl_port_tx_type;
extern const struct sl_node_type sl_reassemble_type;
extern const struct sl_node_type sl_fragment_type;
extern const struct sl_node_type sl_l3_in_type;
extern const struct sl_node_type sl_l3_out_type;

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends and services, as the main thread keeps them and workers read them: maglev.c, plan.c,
 * backends.c, health.c, probe.c.
 */
#ifndef LOAD_BALANCER_BACKENDS_H
#define LOAD_BALANCER_BACKENDS_H

#include <stdalign.h>
#include <stdatomic.h>

#include <sluice/index.h>

#include "config.h"

#define LB_MOST_SERVICES 1024
#define LB_MOST_BACKENDS 1024 /* of all services */
#define LB_SLOTS         2048 /* with those whose last sessions are still being ended */
#define LB_NOBODY        UINT16_MAX
#define LB_NAME          64

/* The key of a service: exact, or with port 0, or with that and LB_PROTO_ANY. */
#define LB_PROTO_ANY SL_PROTO_ANY

struct lb_service_key {
	uint8_t addr[16];
	uint16_t port;
	uint16_t proto;
	uint32_t family;
};

/* What a backend is. Two with the same target are the same. */
struct lb_target {
	struct lb_service_key service;
	struct sl_addr addr;
	uint16_t port; /* 0: that of the packet */
	uint8_t mode;
	struct rte_ether_addr mac;
};

enum lb_state {
	LB_CHECKING, /* no check has ended yet */
	LB_UP,
	LB_DOWN,
};

/* A backend as workers see it. But for the atomics it does not change while any session refers
 * to the slot. */
struct lb_backend {
	alignas(64) _Atomic uint32_t epoch;
	_Atomic uint8_t open;  /* takes new sessions */
	_Atomic uint8_t state; /* enum lb_state; for events */
	uint8_t mode;
	uint8_t outer_length;
	struct rte_ether_addr mac;
	uint16_t port;
	struct sl_addr addr;
	uint8_t outer[40]; /* tunnel: the header to push, lengths and checksum not set */
};

static_assert(sizeof(struct lb_backend) == 128, "a backend is a pair of cache lines");

/* What a worker counted of a backend. */
struct lb_tally {
	alignas(64) uint64_t active; /* sessions that live */
	uint64_t sessions;
	uint64_t packets_in, bytes_in; /* to the backend */
	uint64_t packets_out, bytes_out;
};

/* The state of one check; see health.c. */
struct lb_check {
	int fd; /* -1: none under way */
	uint8_t phase;
	uint16_t sequence;      /* ICMP: of the request under way */
	uint64_t due, deadline; /* ns */
	uint32_t good, bad;     /* in a row */
	uint64_t done, failed;
	uint16_t length;
	char text[24];   /* HTTP: the begin of the answer */
	char result[64]; /* of the last check */
};

/* A backend as the main thread sees it. */
struct lb_server {
	bool used;
	bool dying; /* its epoch moves on at the next sl_lb_apply() */
	uint8_t state;
	struct lb_target target;
	uint64_t since;   /* ns: of the state */
	uint64_t changes; /* of the state */
	/* By command, until the configuration says something else. */
	bool drained;
	uint64_t weight;
	uint64_t configured_weight;
	bool configured_drain;
	struct lb_check check;
};

/* ---- Plan ---- */

struct lb_member {
	uint16_t slot;
	bool fresh; /* the slot is taken by this plan */
	char name[LB_NAME];
	uint64_t identity; /* hash of the name */
	const struct lb_backend_config *config;
	uint64_t built; /* weight in the lookup table */
};

struct lb_service {
	struct lb_service_key key;
	_Atomic(const uint16_t *) table; /* slots; NULL: no backend takes sessions */
	uint32_t id;                     /* the same while its key is */
	uint8_t mode;
	bool by_source, reject;
	/* Main thread. */
	const struct lb_service_config *config;
	struct lb_member *members; /* in the order of their identity */
	uint32_t member_count;
};

/* An address that means something: of a service, of a backend, of the tunnels' own end. */
struct lb_place {
	uint8_t addr[16];
	uint64_t family;
	bool vip, backend, tunnel;
	uint32_t service; /* vip: the first of them */
};

struct lb_plan {
	const struct lb_config *config;
	struct lb_service *services;
	uint32_t service_count;
	struct sl_index *by_key; /* services */
	struct lb_place *places;
	uint32_t place_count;
	struct sl_index *by_addr; /* places */
	uint32_t table_size;
	uint64_t timeouts[LB_TIME_COUNT]; /* TSC */
	uint64_t persistence_timeout;
	uint64_t reject_interval;
	uint8_t echo;
	bool pickup;
};

struct lb_probes;

struct lb {
	_Atomic(struct lb_plan *) plan;
	struct lb_backend *backends; /* LB_SLOTS */
	struct lb_server *servers;   /* LB_SLOTS; main thread */
	_Atomic uint32_t deaths;     /* epochs that moved on: workers look for sessions to end */
	_Atomic uint32_t changes;    /* of any state: for events */
	struct lb_probes *probes;
	uint32_t next_service; /* id */
	bool dying;            /* some backend is */
	/* What cannot change while it runs. */
	uint64_t sessions, sessions_ipv6, sources, table_size;
	uint8_t clients;
	bool spread_by_port;
	uint32_t mtu;
	bool has_source_mac;
	struct rte_ether_addr source_mac;
	struct sl_addr tunnel_source[2]; /* IPv4, IPv6; family 0: none */
	uint8_t tunnel_ttl;
};

/* maglev.c */
struct lb_maglev_member {
	uint64_t identity;
	uint64_t weight; /* more than 0 */
	uint16_t slot;
};
bool sl_lb_is_prime(uint64_t number);
uint64_t sl_lb_identity(const char *name);
/* Fill the table of `size` entries, a prime. next, credit: room for `count`. */
void sl_lb_maglev_fill(uint16_t *table, uint32_t size, const struct lb_maglev_member *members,
		       uint32_t count, uint32_t *next, uint64_t *credit);

/* plan.c */
struct lb_plan *sl_lb_plan_new(struct sl_instance *instance, const struct lb_config *config,
			       struct sl_errors *errors);
/* Give back the slots that it took and was not to have. */
void sl_lb_plan_free(struct sl_instance *instance, struct lb_plan *plan, bool never_used);
void sl_lb_service_key(struct lb_service_key *key, const struct sl_addr *addr, uint32_t proto,
		       uint16_t port);
const struct lb_place *sl_lb_place(const struct lb_plan *plan, uint8_t family, const void *addr);
struct lb_service *sl_lb_service(const struct lb_plan *plan, uint8_t family, const void *addr,
				 uint8_t proto, uint16_t port);

/* backends.c */
uint64_t sl_lb_clock(void); /* ns, monotonic */
/* Weight that the backend has now, in sixteenths; 0: no new sessions. */
uint64_t sl_lb_weight(const struct lb_server *server, uint64_t slow_start, uint64_t now);
/* Make a lookup table for what the weights are now. *table NULL: nobody has any. */
int sl_lb_table_new(struct sl_instance *instance, const struct lb_plan *plan,
		    struct lb_service *service, uint64_t now, const uint16_t **table);
/* Bring lookup tables up to date with states and weights; end sessions of the dead. */
void sl_lb_apply(struct sl_instance *instance);
void sl_lb_set_state(struct lb *lb, uint16_t slot, enum lb_state state);
/* Slots of the plan that `next` has not: their sessions end. Unpublished already. */
void sl_lb_retire(struct lb *lb, const struct lb_plan *plan, const struct lb_plan *next);

/* health.c */
int sl_lb_health_open(struct sl_instance *instance, const struct lb_config *config,
		      struct sl_errors *errors);
void sl_lb_health_close(struct sl_instance *instance);
/* A backend begins, or how it is checked has changed. */
void sl_lb_health_begin(struct lb *lb, const struct lb_service *service,
			const struct lb_member *member);
void sl_lb_health_stop(struct lb *lb, uint16_t slot);
void sl_lb_poll(struct sl_instance *instance);

/* probe.c */
enum lb_probe_result {
	LB_PROBE_BUSY,
	LB_PROBE_GOOD,
	LB_PROBE_BAD,
};
struct lb_probes {
	int icmp[2]; /* IPv4, IPv6; -1: none */
	bool raw[2];
	uint64_t nonce;
};
int sl_lb_probe_open(struct lb_probes *probes, bool ipv6, struct sl_errors *errors);
void sl_lb_probe_close(struct lb_probes *probes);
/* Where a backend is checked, and how. */
struct lb_probe_target {
	const struct lb_health_config *health;
	struct sl_addr addr;
	uint16_t port; /* host byte order */
	uint16_t slot;
};
enum lb_probe_result sl_lb_probe_start(struct lb_probes *probes,
				       const struct lb_probe_target *target,
				       struct lb_check *check);
enum lb_probe_result sl_lb_probe_go_on(const struct lb_probe_target *target,
				       struct lb_check *check);
/* The next echo reply that came: its slot and sequence number. False: no more. */
bool sl_lb_probe_reply(struct lb_probes *probes, unsigned int family, uint16_t *slot,
		       uint16_t *sequence);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as the parameter table fills it: params.c, check.c. */
#ifndef LOAD_BALANCER_CONFIG_H
#define LOAD_BALANCER_CONFIG_H

#include <netinet/in.h>

#include <sluice/node.h>

enum lb_mode {
	LB_DNAT,
	LB_DIRECT,
	LB_TUNNEL,
};

enum lb_probe_kind {
	LB_PROBE_TCP,
	LB_PROBE_HTTP,
	LB_PROBE_ICMP,
};

enum lb_echo {
	LB_ECHO_ANSWER,
	LB_ECHO_FORWARD,
	LB_ECHO_PASS,
};

struct lb_health_config {
	uint64_t given;
	uint32_t kind; /* enum lb_probe_kind */
	uint64_t port;
	const char *path, *host;
	struct sl_list status;      /* of struct sl_span */
	uint64_t interval, timeout; /* ns */
	uint64_t rise, fall;
};

struct lb_backend_config {
	uint64_t given;
	const char *name;
	struct sl_addr address;
	uint64_t port;
	struct rte_ether_addr mac;
	uint64_t weight;
	bool drain;
	struct sl_addr check_address;
	uint64_t check_port;
};

struct lb_service_config {
	uint64_t given;
	const char *name;
	struct sl_addr address;
	uint32_t proto;
	uint64_t port;
	uint32_t mode;        /* enum lb_mode */
	uint32_t persistence; /* 0: none, 1: source */
	uint32_t no_backend;  /* 0: drop, 1: reject */
	uint64_t slow_start;  /* ns */
	struct lb_health_config health;
	struct sl_list backends;
};

/* Bits of lb_service_config.given, in the order of its table. */
#define LB_GIVEN_HEALTH (1u << 8)

enum lb_timeout {
	LB_TIME_TCP_OPENING,
	LB_TIME_TCP_ESTABLISHED,
	LB_TIME_TCP_CLOSING,
	LB_TIME_UDP,
	LB_TIME_OTHER,
	LB_TIME_COUNT,
};

struct lb_config {
	uint64_t given;
	struct sl_list services;
	uint32_t clients; /* enum sl_side */
	uint64_t table_size;
	uint64_t sessions, sessions_ipv6, sources;
	uint32_t echo; /* enum lb_echo */
	bool pickup;
	uint64_t reject_rate;
	struct sl_list tunnel_source; /* of struct sl_addr */
	uint64_t tunnel_ttl, mtu;
	struct rte_ether_addr source_mac;
	uint64_t persistence_timeout;
	uint64_t timeouts[LB_TIME_COUNT]; /* ns */
};

extern const struct sl_param sl_lb_params[];
int sl_lb_check(const void *config, struct sl_errors *errors);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load balancer's packet path. The input is a script: a byte that picks the configuration, then
 * steps: packets to services and from backends, answers, ICMP errors about what came out, damage,
 * new configurations, time.
 */
#include "script.h"

#include "../../plugins/load-balancer/load_balancer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL "sessions: 8\nsessions-ipv6: 8\nsources: 4\ntable-size: 251\nreject-rate: 1 k/s\n"

/* The services are addresses of script.h's world, the backends others of it. */
#define SERVICES(mode, backends4, backends6, more)                                               \
	"services:\n"                                                                            \
	"  - {name: a, address: 10.0.0.2, proto: any, mode: " mode ", backends: " backends4 more \
	"}\n"                                                                                    \
	"  - {name: b, address: \"2001:db8::2\", proto: any, mode: " mode                        \
	", backends: " backends6 more "}\n" SMALL

static const char *const configs[] = {
	SERVICES("dnat", "[{address: 192.0.2.9}, {address: 10.0.0.1}]",
		 "[{address: \"2001:db8:1::9\"}]", ""),
	SERVICES("dnat", "[{address: 192.0.2.9}]", "[{address: \"2001:db8:1::9\"}]",
		 ", persistence: source") "echo: forward\n",
	SERVICES("direct", "[{mac: \"02:00:00:00:00:09\"}]", "[{mac: \"02:00:00:00:00:09\"}]", ""),
	SERVICES("tunnel", "[{address: 192.0.2.9}]", "[{address: \"2001:db8:1::9\"}]",
		 "") "tunnel-source: [10.0.0.1, \"2001:db8::1\"]\nmtu: 1320\n",
	SERVICES("tunnel", "[{address: \"2001:db8:1::9\"}]", "[{address: 192.0.2.9}]",
		 "") "tunnel-source: [10.0.0.1, \"2001:db8::1\"]\nmtu: 1320\necho: forward\n",
	SERVICES("dnat", "[]", "[]", ", no-backend: reject"),
};

static void send_step(struct sl_test *t, struct script *s, enum sl_side side)
{
	struct rte_mbuf *m = script_packet(s, script_byte(s));

	if (m != NULL) {
		sl_test_push(t, side, m);
		sl_test_run(t);
	}
}

/* An error about the last packet that came out on that side, from where it went to. */
static void error_step(struct sl_test *t, struct script *s, enum sl_side side)
{
	struct rte_mbuf *m = sl_test_out(t, side, SL_ON, 0), *error;
	static const char *const routers[] = {"192.0.2.9", "2001:db8:1::9"};
	uint8_t kind = script_byte(s);

	if (m == NULL ||
	    (sl_packet(m)->family != SL_L3_IPV4 && sl_packet(m)->family != SL_L3_IPV6) ||
	    (sl_packet(m)->flags & SL_PKT_MALFORMED) != 0)
		return;
	error = sl_test_icmp_error(m, routers[sl_packet(m)->family == SL_L3_IPV6],
				   sl_packet(m)->family == SL_L3_IPV6 ? kind & 3 : 3,
				   kind >> 2 & 7);
	sl_test_clear(t);
	sl_test_push(t, side == SL_INSIDE ? SL_OUTSIDE : SL_INSIDE, error);
	sl_test_run(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, data + size};
	struct sl_test_options options = {.any_bytes = true};
	uint8_t pick = script_byte(&s);
	struct sl_test *t;

	options.fusion = pick & 128 ? "verify" : "off";
	t = sl_test_new_with(&types[0], configs[(pick & 127) % RTE_DIM(configs)], &options);
	for (unsigned int steps = 0; steps < 64 && !script_over(&s); steps++) {
		uint8_t what = script_byte(&s);

		if ((what & 8) == 0)
			sl_test_clear(t);
		switch (what & 7) {
		case 0:
		case 1:
			send_step(t, &s, SL_INSIDE);
			break;
		case 2:
		case 3:
			send_step(t, &s, SL_OUTSIDE);
			break;
		case 4:
			error_step(t, &s, SL_INSIDE);
			break;
		case 5:
			error_step(t, &s, SL_OUTSIDE);
			break;
		case 6:
			sl_test_advance(t, (uint64_t)(what >> 3) * 4000000000);
			break;
		default:
			sl_test_configure(t, configs[(what >> 3) % RTE_DIM(configs)]);
			break;
		}
	}
	sl_test_command(t, "sessions", NULL);
	sl_test_command(t, "backends", NULL);
	sl_test_end(t);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a generator sends is what its parameters say, and what goes into a sink is counted. */
#include "eal.h"

#include <rte_ip.h>

#include <core/packet/parse.h>
#include <core/port/frames.h>

/* As core/port/generator.c has it. */
struct generator_config {
	uint64_t given;
	struct sl_frames_config frames;
	struct sl_list streams;
	uint64_t rate;
	uint64_t count;
	uint64_t seed;
	bool sequence;
};

static const struct sl_port_config common = {.mtu = 1500};

static struct generator_config plain(void)
{
	return (struct generator_config){
		.frames = {.sport = {1024, 65535},
			   .dport = {53, 53},
			   .flows = 1,
			   .size = 64,
			   .src_mac = {{2, 0, 0, 0, 0, 0xfe}}},
		.count = 1000,
	};
}

/* Checksums of transport headers, by DPDK's own code. */
static bool transport_checksum_is_right(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint16_t rest;

	if (p->proto == IPPROTO_ICMP)
		return rte_raw_cksum(sl_l4(m), m->pkt_len - p->l4) == 0xffff;
	rest = p->family == SL_L3_IPV4 ? rte_ipv4_udptcp_cksum(sl_ipv4(m), sl_l4(m))
				       : rte_ipv6_udptcp_cksum(sl_ipv6(m), sl_l4(m));
	return rest == 0 || rest == 0xffff; /* what is left when the checksum is summed, too */
}

/* Run the port dry into a sink; returns the number of packets. */
static uint64_t drain(struct sl_port *port, uint64_t *bytes, uint64_t *hashes)
{
	struct rte_mbuf *pkts[64];
	uint8_t why[64];
	uint64_t count = 0;
	struct sl_port *sink = open_port("out", "sink", NULL, &common, 1);

	while (!sl_port_drained(port)) {
		for (uint16_t q = 0; q < port->rx_queues; q++) {
			uint16_t n = port->rx(port, q, pkts, RTE_DIM(pkts));

			assert_int_equal(sl_packet_receive(pkts, why, n, port->index), 0);
			for (uint16_t i = 0; i < n; i++) {
				assert_int_equal(sl_packet(pkts[i])->port, port->index);
				assert_true(sl_packet(pkts[i])->l4);
				assert_true(transport_checksum_is_right(pkts[i]));
				assert_int_equal(sl_packet_hash(pkts[i]) % port->rx_queues, q);
				*bytes += pkts[i]->pkt_len;
				*hashes += sl_packet_hash(pkts[i]);
			}
			count += n;
			assert_int_equal(sink->tx(sink, 0, pkts, n), n);
		}
	}
	sl_port_stop(sink);
	sl_port_close(sink);
	return count;
}

static uint64_t run(struct generator_config *config, uint16_t workers, uint64_t *bytes,
		    uint64_t *hashes)
{
	struct sl_port *port;
	uint64_t count;

	*bytes = *hashes = 0;
	if (sl_port_kind_find("generator")->check(config, errors) < 0)
		sl_errors_print(errors, stderr);
	assert_int_equal(sl_errors_count(errors), 0);
	port = open_port("in", "generator", config, &common, workers);
	count = drain(port, bytes, hashes);
	sl_port_stop(port);
	sl_port_close(port);
	assert_no_leak();
	return count;
}

static void sends_what_is_asked_for(void **state)
{
	for (uint32_t family = 0; family < 2; family++) {
		for (uint32_t protocol = 0; protocol < 3; protocol++) {
			for (uint32_t vlan = 0; vlan < 200; vlan += 100) {
				struct generator_config c = plain();
				uint64_t bytes, hashes;

				c.frames.family = family;
				c.frames.protocol = protocol;
				c.frames.vlan = vlan;
				c.frames.size = 101;
				c.frames.flows = 77;
				assert_int_equal(run(&c, 1, &bytes, &hashes), 1000);
				assert_int_equal(bytes, 101000);
			}
		}
	}
}

static void shares_flows_out_to_queues(void **state)
{
	struct generator_config c = plain();
	uint64_t bytes, one, four;

	c.frames.flows = c.count = 1000;
	assert_int_equal(run(&c, 1, &bytes, &one), 1000);
	assert_int_equal(run(&c, 4, &bytes, &four), 1000);
	assert_int_equal(one, four);
	/* One flow leaves queues without any. */
	c.frames.flows = 1;
	assert_int_equal(run(&c, 4, &bytes, &four), 1000);
}

static void mixes_sizes(void **state)
{
	struct generator_config c = plain();
	uint64_t bytes, hashes;

	c.frames.imix = true;
	c.frames.flows = 5;
	c.count = 600;
	assert_int_equal(run(&c, 1, &bytes, &hashes), 600);
	assert_int_equal(bytes, 50 * (7 * 64 + 4 * 590 + 1514));
}

static void equal_seeds_send_equal_packets(void **state)
{
	struct generator_config c = plain();
	uint64_t bytes, first, again, other;

	c.frames.flows = c.count = 500;
	run(&c, 1, &bytes, &first);
	run(&c, 1, &bytes, &again);
	c.seed = 1;
	run(&c, 1, &bytes, &other);
	assert_int_equal(first, again);
	assert_int_not_equal(first, other);
}

static void syn_comes_first(void **state)
{
	struct generator_config c = plain();
	struct rte_mbuf *m;
	uint8_t why;

	c.frames.protocol = SL_FRAMES_TCP;
	c.frames.tcp_flags = SL_FRAMES_SYN_FIRST;
	c.frames.flows = 3;
	for (c.frames.family = 0; c.frames.family < 2; c.frames.family++) {
		struct sl_port *port = open_port("in", "generator", &c, &common, 1);

		for (int i = 0; i < 7; i++) {
			assert_int_equal(port->rx(port, 0, &m, 1), 1);
			sl_packet_receive(&m, &why, 1, 0);
			assert_int_equal(sl_packet(m)->tcp_flags,
					 i < 3 ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG);
			assert_true(transport_checksum_is_right(m));
			rte_pktmbuf_free(m);
		}
		sl_port_close(port);
	}
	assert_no_leak();
}

static void refuses_what_cannot_be(void **state)
{
	const struct sl_port_kind *kind = sl_port_kind_find("generator");
	struct generator_config c = plain();

	c.frames.size = 41;
	assert_true(kind->check(&c, errors) < 0);
	c = plain();
	c.frames.sport = (struct sl_span){1, 1};
	c.frames.given = 1 << 2 | 1 << 3;
	c.frames.src.first.family = c.frames.src.last.family = SL_FAMILY_IPV4;
	c.frames.dst = c.frames.src;
	c.frames.flows = 2;
	assert_true(kind->check(&c, errors) < 0);
	c = plain();
	c.frames.family = 1;
	c.frames.given = 1 << 2;
	c.frames.src.first.family = SL_FAMILY_IPV4;
	assert_true(kind->check(&c, errors) < 0);
	assert_int_equal(sl_errors_count(errors), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sends_what_is_asked_for, eal_setup, eal_teardown),
		cmocka_unit_test_setup_teardown(shares_flows_out_to_queues, eal_setup,
						eal_teardown),
		cmocka_unit_test_setup_teardown(mixes_sizes, eal_setup, eal_teardown),
		cmocka_unit_test_setup_teardown(equal_seeds_send_equal_packets, eal_setup,
						eal_teardown),
		cmocka_unit_test_setup_teardown(syn_comes_first, eal_setup, eal_teardown),
		cmocka_unit_test_setup_teardown(refuses_what_cannot_be, eal_setup, eal_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

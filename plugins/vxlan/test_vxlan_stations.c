/* SPDX-License-Identifier: BSD-3-Clause */
/* Which peer a frame goes to: flooding, learning, moving, ageing, full tables; and the workers. */
#include "test_vxlan.h"

#define IP_PEER  0xc0000202
#define IP_PEER2 0xc0000203
#define TWO      "vni: 100\nlocal: 192.0.2.1\npeers: [192.0.2.2, 192.0.2.3, 192.0.2.4]\n"

/* Broadcast, unknown and multicast frames go to all configured peers, known ones to theirs. */
static void floods(void **state)
{
	static const char *const to[] = {MAC_ALL, "01:00:5e:00:00:05", MAC_B};
	struct sl_test *t = sl_test_new(type, TWO);

	for (unsigned int i = 0; i < RTE_DIM(to); i++) {
		unsigned int seen = 0;

		assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, to[i])), SL_ON);
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 3);
		for (unsigned int p = 0; p < 3; p++) {
			const struct rte_mbuf *m = sl_test_out(t, SL_INSIDE, SL_ON, p);

			seen |= 1u << (rte_be_to_cpu_32(sl_ipv4(m)->dst_addr) - IP_PEER);
			assert_int_equal(m->pkt_len, 50 + 14 + 28 + 40);
		}
		assert_int_equal(seen, 7);
	}
	assert_int_equal(sl_test_counter(t, "copies"), 6);
	assert_int_equal(sl_test_counter(t, "encapsulated"), 3);
	hear(t, MAC_B, PEER2);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 1);
	sl_test_end(t);

	t = sl_test_new(type, TWO "unknown: drop\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, MAC_B)),
			 dropped("unknown-station"));
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, MAC_ALL)), SL_ON);
	hear(t, MAC_B, PEER2);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	sl_test_end(t);

	t = sl_test_new(type, "vni: 100\nlocal: 192.0.2.1\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, MAC_B)), dropped("no-peer"));
	hear(t, MAC_B, PEER2);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	sl_test_end(t);

	/* GPE marks what it replicates. */
	t = sl_test_new(type, TWO "gpe: true\n");
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, MAC_ALL)), SL_ON);
	assert_int_equal(*rte_pktmbuf_mtod_offset(out(t, SL_INSIDE, SL_ON), uint8_t *, 42), 0x0e);
	sl_test_end(t);
}

static void moves_and_ages(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "mac-timeout: 10 s\n");

	hear(t, MAC_B, "192.0.2.77");
	assert_int_equal(sent_to(t, MAC_B), 0xc000024d);
	assert_non_null(strstr(sl_test_command(t, "peers", NULL), "192.0.2.77"));
	hear(t, MAC_B, PEER2);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	assert_int_equal(sl_test_counter(t, "moved"), 1);
	/* A learned peer without stations is gone. */
	assert_null(strstr(sl_test_command(t, "peers", NULL), "192.0.2.77"));
	/* What is heard of stays; what is sent to it does not keep it. */
	for (unsigned int i = 0; i < 4; i++) {
		sl_test_advance(t, 4 * SECOND);
		assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
		hear(t, MAC_B, PEER2);
	}
	sl_test_advance(t, 6 * SECOND);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	sl_test_advance(t, 5 * SECOND);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER);
	assert_int_equal(sl_test_counter(t, "aged"), 1);
	sl_test_end(t);
}

/* Not learned when told so; fixed stations stay where they are. */
static void fixed(void **state)
{
	struct sl_test *t = sl_test_new(
		type, TWO "learn: false\n"
			  "stations: {mac: \"02:00:00:00:0b:01\", vni: 100, peer: 192.0.2.9}\n");

	hear(t, MAC_B, PEER2);
	assert_int_equal(sent_to(t, MAC_B), 0xc0000209);
	hear(t, "02:00:00:00:0b:02", PEER2);
	assert_int_equal(sl_test_one(t, SL_INSIDE, frame(MAC_A, "02:00:00:00:0b:02")), SL_ON);
	assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 3);
	sl_test_end(t);

	t = sl_test_new(type,
			BASE "stations: {mac: \"02:00:00:00:0b:01\", vni: 100, peer: 192.0.2.9}\n");
	hear(t, MAC_B, PEER2);
	sl_test_advance(t, 1000 * SECOND);
	assert_int_equal(sent_to(t, MAC_B), 0xc0000209);
	sl_test_command(t, "clear", NULL);
	assert_int_equal(sent_to(t, MAC_B), 0xc0000209);
	sl_test_end(t);
}

static const char *station(unsigned int i)
{
	static char text[18];

	snprintf(text, sizeof(text), "02:00:00:01:%02x:%02x", i >> 8, i & 255);
	return text;
}

static void full(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "macs: 4\n");

	for (unsigned int i = 0; i < 6; i++)
		hear(t, station(i), PEER2);
	assert_int_equal(sl_test_counter(t, "macs-full"), 2);
	assert_int_equal(sent_to(t, station(3)), IP_PEER2);
	assert_int_equal(sent_to(t, station(4)), IP_PEER);
	sl_test_end(t);

	/* The one not heard of for the longest makes room. */
	t = sl_test_new(type, BASE "macs: 4\ntable-full: replace\n");
	for (unsigned int i = 0; i < 4; i++) {
		hear(t, station(i), PEER2);
		sl_test_advance(t, 3 * SECOND);
	}
	hear(t, station(0), PEER2);
	hear(t, station(4), PEER2);
	assert_int_equal(sent_to(t, station(0)), IP_PEER2);
	assert_int_equal(sent_to(t, station(1)), IP_PEER);
	assert_int_equal(sent_to(t, station(4)), IP_PEER2);
	assert_int_equal(sl_test_counter(t, "replaced"), 1);
	sl_test_end(t);

	t = sl_test_new(type, BASE "learned-peers: 2\n");
	hear(t, station(0), "198.51.100.1");
	hear(t, station(1), "198.51.100.2");
	hear(t, station(2), "198.51.100.3");
	assert_int_equal(sl_test_counter(t, "peers-full"), 1);
	assert_int_equal(sent_to(t, station(2)), IP_PEER);
	/* A station that moves where no peer can be known is forgotten, and makes room. */
	hear(t, station(0), "198.51.100.3");
	assert_int_equal(sent_to(t, station(0)), IP_PEER);
	hear(t, station(2), "198.51.100.3");
	assert_int_equal(sent_to(t, station(2)), 0xc6336403);
	sl_test_end(t);
}

/* In one burst: stations are new, move and push each other out. */
static void bursts(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE "macs: 3\ntable-full: replace\n");

	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 40; i++)
			sl_test_push(t, SL_OUTSIDE,
				     WRAP(frame(station(i * 7 % (round + 1)), MAC_A),
					  .from = i % 5 == 0 ? PEER2 : PEER));
		sl_test_run(t);
		sl_test_advance(t, SECOND / 2);
	}
	assert_int_equal(sl_test_count(t, SL_OUTSIDE, SL_ON), 20 * 40);
	sl_test_end(t);
}

static void commands(void **state)
{
	struct sl_test *t = sl_test_new(type, BASE);
	const char *said;

	hear(t, MAC_B, PEER2);
	hear(t, "02:00:00:00:0b:02", PEER);
	assert_int_equal(sent_to(t, MAC_B), IP_PEER2);
	said = sl_test_command(t, "vnis", NULL);
	assert_non_null(strstr(said, "\"sent-packets\":1,\"sent-bytes\":82,"
				     "\"received-packets\":2,\"received-bytes\":164"));
	said = sl_test_command(t, "macs", "{mac: \"02:00:00:00:0b:01\"}");
	assert_non_null(strstr(said, "192.0.2.3"));
	assert_null(strstr(said, "0b:02"));
	said = sl_test_command(t, "macs", "{peer: 192.0.2.2, vni: 100}");
	assert_non_null(strstr(said, "0b:02"));
	assert_null(strstr(said, "0b:01"));
	said = sl_test_command(t, "peers", NULL);
	assert_non_null(strstr(said, "\"configured\":true"));
	assert_non_null(strstr(said, "\"configured\":false"));
	sl_test_command(t, "clear", "{peer: 192.0.2.3}");
	assert_int_equal(sent_to(t, MAC_B), IP_PEER);
	assert_null(strstr(sl_test_command(t, "macs", NULL), "0b:01"));
	assert_non_null(strstr(sl_test_command(t, "macs", NULL), "0b:02"));
	sl_test_end(t);
}

/* Both directions of a session meet on one worker, where the station was learned. */
static void spreads(void **state)
{
	static const char *const yaml[] = {BASE, BASE "learn: false\n", BASE "gpe: true\n",
					   BASE "gpe: true\npayload: ip\n"};

	for (unsigned int y = 0; y < RTE_DIM(yaml); y++) {
		struct sl_test *t = sl_test_new(type, yaml[y]);
		unsigned int used = 0;

		for (unsigned int i = 0; i < 200; i++) {
			char host[20];
			bool bare = y == 3;
			uint8_t bytes[200];
			uint32_t there, back;
			uint16_t length;
			struct rte_mbuf *m;

			snprintf(host, sizeof(host), "10.0.1.%u", i);
			m = SL_TEST_PACKET(.from = "10.0.0.1", .to = host, .sport = 1, .dport = 2,
					   .src_mac = MAC_A, .dst_mac = station(i),
					   .vlan = i % 3 == 0 ? 5 : 0);
			there = type->spread(sl_test_instance(t), m, SL_INSIDE, 4) % 4;
			sl_test_free(m);
			m = SL_TEST_PACKET(.from = host, .to = "10.0.0.1", .sport = 2, .dport = 1,
					   .src_mac = station(i), .dst_mac = MAC_A);
			length = bytes_of(m, bytes, sizeof(bytes));
			sl_test_free(m);
			m = wrap_bytes(bytes + (bare ? 14 : 0), length - (bare ? 14 : 0),
				       (struct outer){.flags = y >= 2 ? 0x0c : 8,
						      .next = bare ? 1 : 3,
						      .port = y >= 2 ? 4790 : 4789});
			back = type->spread(sl_test_instance(t), m, SL_OUTSIDE, 4) % 4;
			sl_test_free(m);
			assert_int_equal(there, back);
			used |= 1u << there;
		}
		assert_int_equal(used, 15);
		sl_test_end(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods),  cmocka_unit_test(moves_and_ages),
		cmocka_unit_test(fixed),   cmocka_unit_test(full),
		cmocka_unit_test(bursts),  cmocka_unit_test(commands),
		cmocka_unit_test(spreads),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The node type `lua`: what a script sees of packets and does to them. */
#include "test.h"

#define UDP(...) SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .sport = 1000, __VA_ARGS__)
#define TCP6(...)                                                                        \
	SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2", .proto = IPPROTO_TCP, \
		       .sport = 1000, .dport = 443, .length = 33, __VA_ARGS__)

/* What assert()s in a script say of a packet: it goes on, or the message fails the test. */
static void holds(const char *body, enum sl_side from, struct rte_mbuf *m)
{
	struct sl_test *t = per_packet(body, "");
	int edge = sl_test_one(t, from, m);

	if (edge != SL_ON)
		fail_msg("%s", sl_test_command(t, "script", NULL));
	sl_test_end(t);
}

static void test_fields_are_read(void **state)
{
	holds("assert(packet.length == 62 and packet.l3 == 14 and packet.l4 == 34)\n"
	      "assert(packet.payload == 42 and packet.mark == 7 and packet.port == 3)\n"
	      "assert(packet.side == 'inside' and packet.proto == 17 and not packet.reply)\n"
	      "assert(packet.eth.src == '02:00:00:00:00:01')\n"
	      "assert(packet.eth.dst == '02:00:00:00:00:02')\n"
	      "local ip, udp = packet.ip, packet.udp\n"
	      "assert(ip.src == '10.0.0.1' and ip.dst == '192.0.2.1' and ip.ttl == 9)\n"
	      "assert(ip.dscp == 46 and ip.tos == 184 and ip.ecn == 0 and ip.proto == 17)\n"
	      "assert(ip.version == 4 and ip.ihl == 5 and ip.length == 48 and ip.id == 4660)\n"
	      "assert(ip.df == 1)\n"
	      "assert(udp.sport == 1000 and udp.dport == 53 and udp.length == 28)\n"
	      "assert(packet.source == ip.src and packet.destination == ip.dst)\n"
	      "assert(packet.sport == 1000 and packet.dport == 53)\n"
	      "assert(not packet.ip6 and not packet.tcp and not packet.icmp and not packet.vlan)\n"
	      "assert(packet:from('10.0.0.0/8') and not packet:from('11.0.0.0/8'))\n"
	      "assert(packet:to('192.0.2.1') and not packet:to('2001:db8::/32'))\n"
	      "assert(packet:u8(14) == 0x45 and packet:u16(12) == 0x0800)\n"
	      "assert(packet:u32(26) == 0x0a000001 and packet:u64(26) == 0x0a000001c0000201ULL)\n"
	      "assert(packet:bytes(42, 3) == 'abc' and #packet:bytes(42) == 20)\n"
	      "assert(packet:bytes(60, 99) == 'st' and packet:bytes(62) == '')",
	      SL_INSIDE,
	      UDP(.dport = 53, .mark = 7, .port = 3, .ttl = 9, .dscp = 46, .ip_id = 0x1234,
		  .dont_fragment = true, .payload = "abcdefghijklmnopqrst", .length = 20));
	holds("local ip, tcp = packet.ip6, packet.tcp\n"
	      "assert(packet.side == 'outside' and not packet.ip)\n"
	      "assert(ip.src == '2001:db8::1' and ip.dst == '2001:db8::2' and ip.ttl == 64)\n"
	      "assert(ip.next == 6 and ip.length == 53 and ip.version == 6 and ip.dscp == 10)\n"
	      "assert(ip.flow == 0)\n"
	      "assert(tcp.seq == 4000000000 and tcp.ack == 5 and tcp.window == 77)\n"
	      "assert(tcp.flags == tcp_flag.syn and tcp.sport == 1000 and tcp.dport == 443)\n"
	      "assert(packet.vlan.id == 77 and packet.vlan.pcp == 5 and packet.vlan.dei == 0)\n"
	      "assert(packet:from('2001:db8::/64') and packet:to('2001:db8::2/128'))\n"
	      "assert(not packet:to('10.0.0.0/8'))",
	      SL_OUTSIDE,
	      TCP6(.seq = 4000000000, .ack = 5, .window = 77, .tcp_flags = RTE_TCP_SYN_FLAG,
		   .vlan = 77 | 5 << 13, .dscp = 10));
	holds("assert(packet.icmp.type == 8 and packet.icmp.id == 9 and packet.icmp.seq == 3)\n"
	      "assert(packet.sport == nil and packet.proto == 1)",
	      SL_INSIDE,
	      SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2", .proto = IPPROTO_ICMP,
			     .icmp_type = 8, .icmp_id = 9, .icmp_seq = 3));
	holds("assert(not packet.ip and packet.source == nil and packet.proto == nil)\n"
	      "assert(not packet:from('0.0.0.0/0') and packet.l4 == nil)",
	      SL_INSIDE, SL_TEST_PACKET(.ethertype = 0x88b5, .length = 30));
}

/* The harness verifies checksums and parsed fields of all that comes out. */
static void test_fields_are_written(void **state)
{
	struct sl_test *t = per_packet("packet.eth.src = '02:00:00:00:00:99'\n"
				       "packet.mark = packet.mark + 1\n"
				       "local ip = packet.ip or packet.ip6\n"
				       "ip.ttl = ip.ttl - 1 ip.dscp = 10 ip.ecn = 1\n"
				       "if packet.ip then ip.src = '198.51.100.7' ip.id = 9\n"
				       "else ip.dst = '2001:db8:ffff::99' ip.flow = 0xabcde end\n"
				       "local l4 = packet.udp or packet.tcp\n"
				       "if l4 then l4.sport = 4321 l4.dport = 8080 end\n"
				       "if packet.tcp then l4.seq = 4294967295 l4.window = 1 end\n"
				       "if packet.vlan then packet.vlan.id = 99 end",
				       "");
	struct rte_mbuf *m;

	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .ttl = 64, .length = 20)),
			 SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_string_equal(sl_test_text(m), "198.51.100.7 4321 > 192.0.2.1 8080 17");
	assert_int_equal(sl_ipv4(m)->time_to_live, 63);
	assert_int_equal(sl_ipv4(m)->type_of_service, 10 << 2 | 1);
	assert_int_equal(sl_packet(m)->mark, 1);
	assert_int_equal(sl_ether(m)->src_addr.addr_bytes[5], 0x99);
	assert_int_equal(sl_test_one(t, SL_OUTSIDE, TCP6(.vlan = 5 | 3 << 13)), SL_ON);
	m = sl_test_out(t, SL_OUTSIDE, SL_ON, 0);
	assert_string_equal(sl_test_text(m), "2001:db8::1 4321 > 2001:db8:ffff::99 8080 6");
	assert_int_equal(rte_be_to_cpu_32(sl_ipv6(m)->vtc_flow), 0x60000000 | 41 << 20 | 0xabcde);
	assert_int_equal(sl_packet(m)->vlan, 99 | 3 << 13);
	assert_int_equal(rte_be_to_cpu_32(sl_tcp(m)->sent_seq), 4294967295u);
	/* A datagram without a checksum stays so; ICMP has no pseudo header. */
	assert_int_equal(
		sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .no_checksum = true, .length = 20)),
		SL_ON);
	assert_int_equal(sl_udp(sl_test_out(t, SL_INSIDE, SL_ON, 0))->dgram_cksum, 0);
	assert_int_equal(sl_test_one(t, SL_INSIDE,
				     SL_TEST_PACKET(.from = "10.0.0.1", .to = "10.0.0.2",
						    .proto = IPPROTO_ICMP, .icmp_type = 8)),
			 SL_ON);
	sl_test_end(t);
	t = per_packet("if packet.icmp then packet.icmp.id = 77 packet.ip6.src = '2001:db8::77' "
		       "return end\n"
		       "packet:u8(packet.payload, 0xee) packet:u16(packet.payload + 1, 0x1234)\n"
		       "packet:u32(packet.payload + 3, 4294967295) packet:u64(packet.l3 + 12, "
		       "0x0a0a0a0a0b0b0b0bULL)\n"
		       "packet:write(packet.length - 3, 'xyz')",
		       "");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 21)), SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 42), "\xee\x12\x34\xff\xff", 5);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 60), "xyz", 3);
	assert_string_equal(sl_test_text(m), "10.10.10.10 1000 > 11.11.11.11 53 17");
	assert_int_equal(
		sl_test_one(t, SL_INSIDE,
			    SL_TEST_PACKET(.from = "2001:db8::1", .to = "2001:db8::2",
					   .proto = IPPROTO_ICMPV6, .icmp_type = 128, .length = 9)),
		SL_ON);
	sl_test_end(t);
}

/* A checksum that was wrong is as wrong afterwards. */
static void test_damage_stays(void **state)
{
	const struct sl_test_options options = {.any_bytes = true};
	struct sl_test *t =
		sl_test_new_with(type(NODE), yaml(each("packet.udp.dport = 99"), ""), &options);
	struct rte_mbuf *m = UDP(.dport = 53, .length = 20), *good = UDP(.dport = 53, .length = 20);
	uint16_t wrong = (uint16_t)(sl_udp(m)->dgram_cksum ^ 0x5555);

	sl_udp(m)->dgram_cksum = wrong;
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(sl_udp(m)->dst_port, rte_cpu_to_be_16(99));
	assert_int_not_equal(sl_udp(m)->dgram_cksum, wrong);
	sl_udp(m)->dst_port = rte_cpu_to_be_16(53);
	assert_int_equal(sl_udp(good)->dgram_cksum, (uint16_t)(wrong ^ 0x5555));
	sl_test_free(good);
	sl_test_end(t);
}

static void test_segments(void **state)
{
	static uint8_t bytes[400];
	struct sl_test *t;
	struct rte_mbuf *whole = UDP(.dport = 53, .length = 300), *m;

	memcpy(bytes, rte_pktmbuf_mtod(whole, void *), 342);
	sl_test_free(whole);
	t = per_packet("local a, b = packet:u8(200), packet:u16(99)\n"
		       "assert(a == 158 and b == 57 * 256 + 58, a .. ' ' .. b)\n"
		       "assert(#packet:bytes(0) == 342 and packet:bytes(99, 2) == '9:')\n"
		       "packet:u8(200, 0) packet:u32(98, 0) packet:write(290, ('x'):rep(52))",
		       "");
	m = sl_test_segments(bytes, 342, 50);
	assert_non_null(m);
	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	m = sl_test_out(t, SL_INSIDE, SL_ON, 0);
	assert_int_equal(m->pkt_len, 342);
	assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(m, 341, 1, bytes), 'x');
	sl_test_end(t);
}

static void test_verdicts(void **state)
{
	static const char *const paths[] = {"slow", "fast", NULL};
	struct sl_test_options options = {.paths = paths, .own_path = 2};
	struct sl_test *t = sl_test_new_with(
		type(NODE),
		yaml(each("local d = packet.dport\n"
			  "if d == 1 then packet:drop('spam') elseif d == 2 then packet:drop()\n"
			  "elseif d == 3 then packet:back() elseif d == 4 then packet:go('slow')\n"
			  "elseif d == 5 then packet:go('own')\n"
			  "elseif d == 6 then packet:drop() packet:on() end"),
		     "ways: [{name: slow, path: slow}, {name: own, path: fast}]\n"),
		&options);
	static const int expected[] = {SL_ON,         SL_DROP(DROP), SL_DROP(DROP), SL_BACK,
				       SL_EDGE_FIRST, SL_ON,         SL_ON};

	for (uint16_t port = 1; port <= 6; port++)
		assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = port, .length = 20)),
				 expected[port]);
	/* A burst of all. */
	for (unsigned int i = 0; i < SL_BURST; i++)
		sl_test_push(t, SL_OUTSIDE, UDP(.dport = 1 + i % 6, .length = 20));
	sl_test_clear(t);
	sl_test_run(t);
	assert_int_equal(sl_test_count(t, SL_OUTSIDE, SL_BACK), 43);
	assert_int_equal(sl_test_drops(t, "script"), 2 + 86);
	assert_int_equal(sl_test_counter(t, "dropped"), 2 + 86);
	assert_int_equal(sl_test_counter(t, "packets"), 4 + 170);
	has(sl_test_command(t, "drops", NULL), "\"spam\"");
	has(sl_test_command(t, "drops", NULL), "44");
	sl_test_end(t);
}

static void test_errors_drop_the_batch(void **state)
{
	struct sl_test *t =
		per_packet("if packet.dport == 7 then\n  local x = nil + 1\nend", "errors: 3\n");

	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)), SL_ON);
	for (int i = 0; i < 10; i++)
		sl_test_push(t, SL_INSIDE, UDP(.dport = i == 9 ? 7 : 53, .length = 20));
	sl_test_run(t);
	assert_int_equal(sl_test_drops(t, "script-error"), 10);
	assert_int_equal(sl_test_counter(t, "errors"), 1);
	has(sl_test_command(t, "script", NULL), "script:4: attempt to perform arithmetic on a nil");
	assert_int_equal(sl_test_event_count(t), 1);
	assert_string_equal(sl_test_event_name(t, 0), "script-error");
	has(sl_test_event_json(t, 0), "script:4: attempt");
	/* It goes on, until there were three. */
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)), SL_ON);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 7, .length = 20)), SL_DROP(ERROR));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 7, .length = 20)), SL_DROP(ERROR));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)),
			 SL_DROP(DISABLED));
	has(sl_test_command(t, "script", NULL), "disabled");
	assert_string_equal(sl_test_event_name(t, sl_test_event_count(t) - 1), "script-disabled");
	/* A new script starts anew. */
	assert_int_equal(
		sl_test_configure(t, yaml(each("error('no')"), "errors: 1\nwhen-disabled: pass\n")),
		0);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)), SL_DROP(ERROR));
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)), SL_ON);
	sl_test_end(t);
}

static void test_messages(void **state)
{
	static const struct {
		const char *body, *message;
	} cases[] = {
		{"local x = packet.ip.tttl",
		 "script:3: unknown field `tttl` of `ip`; did you mean `ttl`?"},
		{"packet.upd.sport = 1", "unknown field `upd` of `packet`; did you mean `udp`?"},
		{"packet.tcp.sport = 1", "attempt to index"},
		{"packet.udp.sprt = 1", "unknown field `sprt` of `udp`; did you mean `sport`?"},
		{"packet.ip.length = 1", "`ip.length` cannot be written"},
		{"packet.length = 1", "`length` of a packet cannot be written"},
		{"packet.mark = -1", "is no mark"},
		{"packet.mark = 'x'", "is no mark"},
		{"packet.ip.ttl = 256", "256 is not a whole number from 0 to 255"},
		{"packet.ip.dscp = 64", "64 is not a whole number from 0 to 63"},
		{"packet.ip.ttl = 0.5", "0.5 is not a whole number"},
		{"packet.ip.ttl = 0/0", "nan is not a whole number"},
		{"packet.ip.src = '2001:db8::1'", "`ip.src`: 2001:db8::1 is not an address"},
		{"packet.eth.src = 5", "`eth.src`: 5 is not an address"},
		{"packet:u8(62)", "1 byte(s) at offset 62 are not within the packet's 62"},
		{"packet:u32(59)", "4 byte(s) at offset 59 are not within"},
		{"packet:u8(-1)", "offset -1 are not within"},
		{"packet:u8(0/0)", "are not within"},
		{"packet:u8(2^53)", "are not within"},
		{"packet:u16(61, 1)", "offset 61 are not within"},
		{"packet:u8(1e300, 1)", "are not within"},
		{"packet:u8('x')", "attempt to compare"},
		{"packet:bytes(63)", "are not within"},
		{"packet:bytes(0, -1)", "are not within"},
		{"packet:write(60, 'abc')", "3 byte(s) at offset 60 are not within"},
		{"packet:from('nonsense')", "nonsense is not a prefix"},
		{"packet:go('nowhere')", "unknown way `nowhere`"},
		{"packet:drop('No Good')", "a reason is a text of lower-case letters"},
		{"for i = 1, 32 do packet:drop('r' .. i) end", "31 reasons at most"},
		{"undefined = undefined + 1", "unknown name `undefined`"},
		{"string.fnd('a', 'b')", "unknown name `string.fnd`; did you mean `string.find`?"},
		{"error({})", "something that is no text"},
		{"saved = saved_once or packet", "unknown name `saved_once`"},
		{"pairs(packet)", "a packet has no list of fields"},
		{"next(packet)", "a packet has no list of fields"},
		{"packet.u8({}, 1)", "script:3: "},
		{"packet.u8(nil, 1)", "script:3: "},
		{"packet.u8(packet.udp, 'a', 1)", "script:3: "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sl_test *t = per_packet(cases[i].body, "");

		if (sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)) != SL_DROP(ERROR))
			fail_msg("no error: %s", cases[i].body);
		has(sl_test_command(t, "script", NULL), cases[i].message);
		has(sl_test_command(t, "script", NULL), "script:");
		sl_test_end(t);
	}
}

/* A packet kept from an earlier batch is another packet now, or none; never memory gone. */
static void test_packets_that_are_gone(void **state)
{
	struct sl_test *t = node("kept = false\n"
				 "function process(batch)\n"
				 "  if #batch == 2 then kept = batch[2]; header = batch[2].udp\n"
				 "  elseif batch[1].dport == 9 then local x = header.sport\n"
				 "  elseif kept then local x = kept.length end\n"
				 "end\n"
				 "function tick() if kept then local x = kept.length end end",
				 "");

	sl_test_push(t, SL_INSIDE, UDP(.dport = 53, .length = 20));
	sl_test_push(t, SL_INSIDE, UDP(.dport = 53, .length = 20));
	sl_test_run(t);
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)), SL_DROP(ERROR));
	has(sl_test_command(t, "script", NULL), "this packet is gone");
	assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 9, .length = 20)), SL_DROP(ERROR));
	assert_int_equal(sl_test_counter(t, "errors"), 2);
	sl_test_tick(t, 1);
	assert_int_equal(sl_test_counter(t, "errors"), 3);
	sl_test_end(t);
}

static void test_state_tick_and_print(void **state)
{
	struct sl_test *t =
		node("local seen, ticks = 0, 0\n"
		     "function process(batch) seen = seen + #batch end\n"
		     "function tick() ticks = ticks + 1\n"
		     "  if ticks % 10 == 0 then print('seen', seen, nil, {} ~= nil) end end",
		     "");

	for (int i = 0; i < 5; i++)
		sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20));
	sl_test_tick(t, 10);
	assert_int_equal(sl_test_event_count(t), 1);
	assert_string_equal(sl_test_event_name(t, 0), "script-print");
	has(sl_test_event_json(t, 0), "seen 5 nil true");
	sl_test_end(t);
}

/* Every worker has a state of its own. */
static void test_workers(void **state)
{
	const struct sl_test_options options = {.workers = 2};
	struct sl_test *t = sl_test_new_with(
		type(NODE),
		yaml("n = 0\nfunction process(batch) n = n + 1 batch[1].mark = n end", ""),
		&options);

	for (uint32_t worker = 0; worker < 2; worker++) {
		sl_test_worker(t, worker);
		for (uint32_t n = 1; n < 4; n++) {
			assert_int_equal(sl_test_one(t, SL_INSIDE, UDP(.dport = 53, .length = 20)),
					 SL_ON);
			assert_int_equal(sl_packet(sl_test_out(t, SL_INSIDE, SL_ON, 0))->mark, n);
		}
	}
	sl_test_end(t);
}

/* What LuaJIT has compiled does what it did before: the same batch, many times. */
static void test_compiled_code(void **state)
{
	struct sl_test *t =
		per_packet("packet.ip.ttl = packet.ip.ttl - 1\n"
			   "packet.ip.src = '198.51.100.' .. packet.udp.dport % 200\n"
			   "if packet:u8(packet.length - 1) > 250 then packet:drop() end\n"
			   "packet.udp.dport = packet.udp.dport + 1",
			   "");

	for (uint64_t round = 1; round <= 100; round++) {
		sl_test_clear(t);
		for (uint16_t i = 0; i < 100; i++)
			sl_test_push(t, SL_INSIDE, UDP(.dport = (uint16_t)(1 + i), .length = i));
		sl_test_run(t);
		assert_int_equal(sl_test_count(t, SL_INSIDE, SL_ON), 100);
	}
	assert_int_equal(sl_test_counter(t, "errors"), 0);
	has(sl_test_text(sl_test_out(t, SL_INSIDE, SL_ON, 42)),
	    "198.51.100.43 1000 > 192.0.2.1 44");
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_are_read),
		cmocka_unit_test(test_fields_are_written),
		cmocka_unit_test(test_damage_stays),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_errors_drop_the_batch),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_packets_that_are_gone),
		cmocka_unit_test(test_state_tick_and_print),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_compiled_code),
	};

	return cmocka_run_group_tests_name("lua", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path of a port with addresses, and of one without: reassemble, l3-in, l3-out,
 * fragment, and the main thread's side of ARP, ND and packets that wait. The input is a script:
 * a byte that picks the port, then packets, fragments, real ARP, ND and ICMP that are damaged,
 * time, and rings that are full. The ledgers are asserted after each step, leaks at the end.
 */
#include "script.h"

#include <tests/unit/harness_rig.h>
#include <tests/unit/l3/bed.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATCHES 8

/* Most are for the router, some for others or as they were. NULL: not a packet, or refused. */
static struct rte_mbuf *addressed(struct script *s, struct rte_mbuf *m)
{
	static const uint8_t last[] = {1, 1, 1, 0x10};
	uint8_t how = script_byte(s);

	if (m == NULL)
		return NULL;
	sl_packet(m)->port = bed.port.index;
	if (how & 4)
		return m;
	memcpy(rte_pktmbuf_mtod(m, void *), (uint8_t[]){2, 0, 0, 0, 0, last[how & 3]}, 6);
	if (sl_packet_parse(m))
		return m;
	sl_test_free(m);
	return NULL;
}

/* A packet of the tests' vectors, with bytes changed and perhaps cut. */
static struct rte_mbuf *patched(struct script *s)
{
	static const uint32_t kinds[] = {
#define AS_ITEM(name, hex) name,
		L3_VECTORS(AS_ITEM)
#undef AS_ITEM
	};
	uint8_t bytes[2048];
	uint32_t length = vector_bytes(kinds[script_byte(s) % RTE_DIM(kinds)], bytes);
	uint8_t how = script_byte(s);

	for (unsigned int n = how % PATCHES; n > 0; n--) {
		uint8_t at = script_byte(s);

		bytes[at % length] = script_byte(s);
	}
	if (how & 64)
		length = RTE_MAX(14u, length - RTE_MIN(length, (uint32_t)script_byte(s)));
	return sl_test_exact(bytes, (uint16_t)length);
}

static void checked(void)
{
	for (unsigned int place = 0; place < PLACES; place++)
		for (uint32_t i = 0; i < bed.got_count[place]; i++)
			if (sl_test_wrong_fields(bed.got[place][i]) != NULL)
				sl_test_fail("%s", sl_test_wrong_fields(bed.got[place][i]));
	bed_forget();
}

static void push(struct script *s, uint8_t where, struct rte_mbuf *m)
{
	uint16_t hop = bed.reassemble;

	m = addressed(s, m);
	if (m == NULL)
		return;
	if (bed.port.l3 == NULL)
		hop = where & 1 ? bed.fragment : bed.reassemble;
	else if ((where & 3) == 1)
		hop = bed.in;
	else if ((where & 3) == 2)
		hop = bed.out;
	bed_push(hop, m);
	checked();
}

/* Fragments of one datagram: some lost, the order as the script has it. */
static void fragments(struct script *s, uint8_t where)
{
	struct rte_mbuf *whole = script_built(s), *pieces[64] = {NULL};
	unsigned int n = sl_test_fragment(whole, (uint16_t)(8 * (1 + (script_byte(s) & 15))),
					  pieces, RTE_DIM(pieces));

	for (unsigned int left = n; left > 0; left--) {
		uint8_t pick = script_byte(s);
		unsigned int i = (pick & 63) % n;

		while (pieces[i] == NULL)
			i = (i + 1) % n;
		if (pick >= 224)
			sl_test_free(pieces[i]);
		else
			push(s, where, pieces[i]);
		pieces[i] = NULL;
	}
}

static void step(struct script *s)
{
	static const double seconds[] = {0.01, 0.2, 1, 3, 10, 31, 100, 2000};
	uint8_t how = script_byte(s);

	switch (how & 15) {
	case 0:
		bed_later(seconds[how >> 5]);
		sl_graph_tick(bed.graph, bed.now);
		bed_run();
		break;
	case 1:
		bed.punt_full = (how & 48) == 48;
		bed.inject_full = (how & 192) == 192;
		break;
	case 2:
	case 3:
		fragments(s, how >> 5);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		push(s, how >> 5, patched(s));
		break;
	default:
		push(s, how >> 5, script_packet(s, how));
	}
	if (bed.port.l3 != NULL && (how & 16) != 0)
		bed_main();
	checked();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t mtus[] = {1500, 1500, 1280, 576};
	struct script s = {data, data + size};
	uint8_t kind = script_byte(&s);

	sl_test_eal();
	bed.pool = sl_test_pool();
	bed_configure();
	if (kind & 4)
		bed_default_routes();
	if (kind & 8)
		bed.config.addresses.count = bed.config.routes.count = bed.config.neighbours.count =
			0;
	bed_open(mtus[kind & 3]);
	for (int steps = 0; steps < 200 && !script_over(&s); steps++)
		step(&s);
	bed_close();
	return 0;
}

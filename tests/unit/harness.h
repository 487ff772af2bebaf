/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drives one instance of a node type in a real graph. The instance has a hop for each direction;
 * both share its state, as in a chain. Packets are pushed from a side and caught on every edge
 * they can leave by:
 *
 *	struct sl_test *t = sl_test_new(&my_type, "limit: 3\nmode: strict\n");
 *	struct rte_mbuf *m = SL_TEST_PACKET(.from = "10.0.0.1", .to = "192.0.2.1", .dport = 53);
 *
 *	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
 *	assert_int_equal(sl_test_drops(t, "too-many"), 0);
 *	sl_test_end(t);
 *
 * Every run asserts the ledger; every packet that is caught is parsed again and compared with
 * the fields the node left, and its checksums are verified; sl_test_end() asserts that no mbuf
 * leaked. A failed assertion fails the cmocka test, or aborts where there is no cmocka (fuzzers).
 *
 * With SLUICE_FUSION=on in the environment packets of known flows take the actions that the
 * instance said on trails; with =verify they walk, and each walk is compared with the action.
 *
 * EAL starts at the first use, without hugepages, devices or rights.
 */
#ifndef TESTS_UNIT_HARNESS_H
#define TESTS_UNIT_HARNESS_H

#include <sluice/node.h>

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>

struct sl_test;

/* What sl_test_new() does not let one choose. */
struct sl_test_options {
	const void *config;       /* instead of YAML: the filled struct, which the caller keeps */
	uint64_t memory;          /* cap of the instance, bytes; 0: none */
	uint32_t workers;         /* 0: one. Each has its own graph; see sl_test_worker() */
	const char *const *paths; /* NULL-ended: what SL_PATH parameters may name; kept */
	unsigned int own_path;    /* the instance stands in paths[own_path - 1]; 0: in none */
	const char *fusion;       /* "off", "on" or "verify"; NULL: as the environment says */
	bool any_bytes; /* do not check checksums of what comes out: what goes in has wrong ones */
};

/* EAL and the mempool; called by all below. */
void sl_test_eal(void);
/* yaml: the parameters as they stand below a VNF in a chain file; NULL: none. */
struct sl_test *sl_test_new(const struct sl_node_type *type, const char *yaml);
struct sl_test *sl_test_new_with(const struct sl_node_type *type, const char *yaml,
				 const struct sl_test_options *options);
/* Reads the parameters and makes an instance as sl_test_new() does, expects that to fail, and
 * returns the messages, one a line; valid until the next call. */
const char *sl_test_refused(const struct sl_node_type *type, const char *yaml);
/* A new configuration through configure() while the instance lives. 0 or -errno. */
int sl_test_configure(struct sl_test *t, const char *yaml);
/* Free all; what the instance still holds is allowed and freed. */
void sl_test_end(struct sl_test *t);

struct sl_instance *sl_test_instance(const struct sl_test *t);
/* The hop of that direction on the current worker. */
struct sl_node *sl_test_node(const struct sl_test *t, enum sl_side from);
/* All calls below go to that worker's graph from now on; at first 0. */
void sl_test_worker(struct sl_test *t, uint32_t worker);

/* Put packets into the hop that gets them from that side; the harness owns them now. */
void sl_test_push(struct sl_test *t, enum sl_side from, struct rte_mbuf *m);
/* Walk until nothing moves, then assert the ledger. */
void sl_test_run(struct sl_test *t);
/* Free what was caught, push this one alone, run, and say where it went: the edge, SL_HELD, or
 * SL_DROP(reason). Other packets that came out (made, released) are in sl_test_out() too. */
int sl_test_one(struct sl_test *t, enum sl_side from, struct rte_mbuf *m);
/* The clock moves on; tick() is called as often as it would have been, at most 1000 times. */
void sl_test_advance(struct sl_test *t, uint64_t nanoseconds);
/* Call tick() so many times, tick_ms apart. */
void sl_test_tick(struct sl_test *t, uint32_t times);
/* The clock, TSC; it goes on by a tick with every walk. */
uint64_t sl_test_now(const struct sl_test *t);
void sl_test_same_time(struct sl_test *t, const struct sl_test *other);
/* How many packets took an action, or were compared with one. */
uint64_t sl_test_fused(const struct sl_test *t);
/* What passed the hop of that direction, fused packets among it. */
void sl_test_passed(const struct sl_test *t, enum sl_side from, uint64_t *packets, uint64_t *bytes);

/* Packets caught that came from that side and left by that edge, in order. The harness owns
 * them until sl_test_clear(), sl_test_one() or sl_test_end(). NULL: no such packet. */
unsigned int sl_test_count(const struct sl_test *t, enum sl_side from, uint8_t edge);
struct rte_mbuf *sl_test_out(const struct sl_test *t, enum sl_side from, uint8_t edge,
			     unsigned int i);
/* The same, but it is the caller's now: to be pushed again, or freed. */
struct rte_mbuf *sl_test_take(struct sl_test *t, enum sl_side from, uint8_t edge, unsigned int i);
/* Free what was caught. */
void sl_test_clear(struct sl_test *t);

/* Sums over both hops and all workers. The name must be one that the type declares, or, for
 * drops, one of the engine's own. */
uint64_t sl_test_drops(const struct sl_test *t, const char *reason);
uint64_t sl_test_all_drops(const struct sl_test *t);
uint64_t sl_test_counter(const struct sl_test *t, const char *counter);
uint64_t sl_test_held(const struct sl_test *t);

/* Events reported so far, all kinds. */
unsigned int sl_test_event_count(const struct sl_test *t);
/* The i-th: its name, and its members as JSON text, valid until the next call. */
const char *sl_test_event_name(const struct sl_test *t, unsigned int i);
const char *sl_test_event_json(const struct sl_test *t, unsigned int i);

/* Ask the instance a command as `sluice show` and `sluice do` do, on all workers. args: YAML of
 * its parameters, or NULL. Returns the answer as JSON text, valid until the next call, or NULL
 * after an error, whose text sl_test_command_error() tells. */
const char *sl_test_command(struct sl_test *t, const char *command, const char *args);
const char *sl_test_command_error(void);

/*
 * State carried from one instance to another (sluice/state.h), which may have another number of
 * workers: one pass, of all or of what changed since. It ends at the first record that is refused.
 */
struct sl_test_carried {
	unsigned int records; /* told */
	unsigned int taken, voids;
	uint32_t longest; /* bytes of the longest record */
};
/* 0 or -errno, which the last record met. */
int sl_test_carry(struct sl_test *from, struct sl_test *to, bool changed,
		  struct sl_test_carried *carried);
/* Each record of such a pass, instead. `take` returns 0 to go on. */
int sl_test_records(struct sl_test *from, bool changed,
		    int (*take)(void *context, uint32_t worker, const void *record, uint32_t size),
		    void *context);

/* What a file may say: each record of `from` cut short at every byte, which must be refused, and
 * with bytes changed, which may be, is put into `to`. Both may tick meanwhile. */
void sl_test_broken_records(struct sl_test *from, struct sl_test *to);

/*
 * Packets. All the fields of a packet to be built; zero means what is usual.
 */
struct sl_test_packet {
	const char *from, *to; /* "192.0.2.1" or "2001:db8::1"; both of one family */
	uint8_t proto;         /* IPPROTO_*; 0: UDP */
	uint16_t sport, dport; /* also of SCTP */
	uint8_t tcp_flags;     /* RTE_TCP_*_FLAG; 0: ACK */
	bool tcp_null;         /* really no flag */
	uint32_t seq, ack;
	uint16_t window; /* 0: 65535 */
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id, icmp_seq; /* or the second word of an ICMP error, as is */
	const void *payload;        /* NULL: counting bytes */
	uint16_t length;            /* of the payload */
	bool no_checksum;           /* UDP over IPv4: zero */

	uint8_t ttl; /* 0: 64 */
	uint8_t dscp;
	uint16_t ip_id;
	bool dont_fragment;
	uint16_t fragment;      /* offset of the payload in units of 8 bytes; then there is no */
	bool more;              /*   transport header: the payload follows the IP header */
	bool first;             /* with more: the first fragment, with its transport header */
	const void *options;    /* IPv4: options, a multiple of 4 bytes; IPv6: extension headers */
	uint8_t options_length; /*   whose last one names `proto` */
	uint8_t first_header;   /* IPv6: number of the first extension header */

	uint16_t vlan;                 /* tag control information; 0: no tag */
	uint16_t outer;                /* a second tag outside of it */
	uint16_t ethertype;            /* without from and to: of the payload */
	const char *src_mac, *dst_mac; /* NULL: 02:00:00:00:00:01 and 02:00:00:00:00:02 */
	uint32_t mark;
	uint16_t port; /* index of the port it came in by */
};

struct rte_mbuf *sl_test_packet(const struct sl_test_packet *packet);
#define SL_TEST_PACKET(...) sl_test_packet(&(const struct sl_test_packet){__VA_ARGS__})
/* Any bytes from the Ethernet header on, parsed; NULL when sl_packet_parse() refuses them. */
struct rte_mbuf *sl_test_bytes(const void *bytes, uint16_t length);
/* The same spread over segments of so many bytes. */
struct rte_mbuf *sl_test_segments(const void *bytes, uint16_t length, uint16_t segment);
/* The same in a block of memory that ends with the packet, so that AddressSanitizer sees any access
 * past its end. There is no tailroom. */
struct rte_mbuf *sl_test_exact(const void *bytes, uint16_t length);
/* An ICMP or ICMPv6 error of that type and code, from that address to the sender of `about`,
 * quoting it. */
struct rte_mbuf *sl_test_icmp_error(const struct rte_mbuf *about, const char *from, uint8_t type,
				    uint8_t code);
/* Cut into fragments whose IP payload has at most `size` bytes (a multiple of 8). Returns how
 * many; m is freed. */
unsigned int sl_test_fragment(struct rte_mbuf *m, uint16_t size, struct rte_mbuf **fragments,
			      unsigned int room);
/* Free a packet that is the caller's. */
void sl_test_free(struct rte_mbuf *m);

/* What is wrong with a packet's checksums or parsed fields; NULL: nothing. */
const char *sl_test_wrong(struct rte_mbuf *m);
/* Its addresses and ports as "FROM SPORT > TO DPORT PROTO"; ICMP: id and type. Valid until the
 * fourth next call. */
const char *sl_test_text(const struct rte_mbuf *m);

#endif

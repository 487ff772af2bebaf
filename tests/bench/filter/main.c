/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-filter [PLUGIN.so]: cycles a packet of the rule matcher and of the firewall's sessions,
 * without ports and graph. Bursts of 256 UDP packets of random flows stand in the cache; only
 * the look-up, or the firewall's process(), is timed. Medians; one JSON object a line.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include <core/error/errors.h>
#include <core/plugin/instance.h>
#include <sluice/match.h>

#include <plugins/firewall/firewall.h>

#define BURST  256
#define ROUNDS 2001

static struct rte_mbuf *packets[BURST];
static struct sl_errors *errors;

static uint32_t next_random(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void die(const char *what)
{
	fprintf(stderr, "bench-filter: %s\n", what);
	sl_errors_print(errors, stderr);
	exit(1);
}

/* A packet of that flow: 10.x.x.x, some port, to 192.0.2.1, port 1..4096. */
static void write_packet(struct rte_mbuf *m, uint32_t flow)
{
	static const uint8_t header[42] = {2, 0, 0,    0, 0, 1,  2,   0, 0, 0, 0,  2,
					   8, 0, 0x45, 0, 0, 46, 0,   0, 0, 0, 64, 17,
					   0, 0, 10,   0, 0, 0,  192, 0, 2, 1};
	uint8_t *data;

	rte_pktmbuf_reset(m);
	data = (uint8_t *)rte_pktmbuf_append(m, 60);
	memcpy(data, header, sizeof(header));
	data[27] = (uint8_t)(flow >> 16);
	data[28] = (uint8_t)(flow >> 8);
	data[29] = (uint8_t)flow;
	data[34] = 4;
	data[36] = (uint8_t)(flow >> 8 & 15);
	data[37] = (uint8_t)flow | 1;
	data[39] = 26;
	{
		uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(data + 14));

		memcpy(data + 24, &sum, 2);
	}
	memset(sl_packet(m), 0, sizeof(struct sl_packet));
	if (!sl_packet_parse(m) || sl_packet(m)->l4 == 0)
		die("packet is not what it should be");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

typedef void (*work_fn)(void *context);

/* The answer to a packet. */
static void turn_round(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), source[4];

	memcpy(source, data + 26, 4);
	memcpy(data + 26, data + 30, 4);
	memcpy(data + 30, source, 4);
	memcpy(source, data + 34, 2);
	memcpy(data + 34, data + 36, 2);
	memcpy(data + 36, source, 2);
	if (!sl_packet_parse(m))
		die("packet is not what it should be");
}

/* Median cycles a packet of some work on bursts of random flows. */
static double measure(work_fn work, void *context, uint32_t flows)
{
	static double samples[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start;

		for (int i = 0; i < BURST; i++)
			write_packet(packets[i], next_random() % flows);
		start = rte_rdtsc_precise();
		work(context);
		samples[round] = (double)(rte_rdtsc_precise() - start) / BURST;
	}
	qsort(samples, ROUNDS, sizeof(double), compare);
	return samples[ROUNDS / 2];
}

/* ---- Matcher ---- */

static void lookup(void *matcher)
{
	uint32_t rule[BURST];

	sl_matcher_lookup(matcher, SL_INSIDE, packets, rule, BURST);
}

enum shape { PORTS, TUPLES, RANGES };

/* Rules like those of a firewall; every list has one item, which stands in `items`. */
static struct sl_matcher *random_rules(enum shape shape, uint32_t count)
{
	static uint32_t udp = IPPROTO_UDP;
	struct sl_match *rules = calloc(count, sizeof(*rules));
	const struct sl_match **list = calloc(count, sizeof(*list));
	struct sl_prefix *from = calloc(count, sizeof(*from));
	struct sl_span *span = calloc(count, sizeof(*span));
	struct sl_matcher *matcher;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t port = 1 + next_random() % 4096, length = 16 + next_random() % 17;

		rules[i].given = SL_MATCH_PROTO | SL_MATCH_DPORT;
		rules[i].proto = (struct sl_list){&udp, 1};
		span[i] = (struct sl_span){port,
					   shape == RANGES ? port + next_random() % 2000 : port};
		rules[i].dport = (struct sl_list){&span[i], 1};
		if (shape != PORTS) {
			rules[i].given |= SL_MATCH_FROM;
			from[i].addr.family = SL_FAMILY_IPV4;
			from[i].length = (uint8_t)length;
			from[i].addr.v4 =
				rte_cpu_to_be_32((0x0a000000 | (next_random() & 0xffffff)) &
						 (uint32_t)(UINT64_C(0xffffffff) << (32 - length)));
			rules[i].from = (struct sl_list){&from[i], 1};
		}
		list[i] = &rules[i];
	}
	matcher = sl_matcher_create(NULL, list, count, errors);
	if (matcher == NULL)
		die("rules");
	free(rules);
	free(list);
	free(from);
	free(span);
	return matcher;
}

static void bench_matcher(void)
{
	static const char *const names[] = {"ports", "tuples", "ranges"};

	for (enum shape shape = PORTS; shape <= RANGES; shape++) {
		for (uint32_t count = 10; count <= 1000; count *= 10) {
			uint64_t start = rte_rdtsc();
			struct sl_matcher *matcher = random_rules(shape, count);
			double build = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();

			printf("{\"case\": \"match-%s\", \"system\": \"sluice\", \"rules\": %u, "
			       "\"cycles\": %.1f, \"build_ms\": %.0f}\n",
			       names[shape], count, measure(lookup, matcher, 1000000),
			       build * 1000);
			sl_matcher_free(matcher);
		}
	}
}

/* ---- Firewall ---- */

static uint64_t now = UINT64_C(1) << 40;

static void process(void *node)
{
	const struct sl_node_type *type = ((struct sl_node *)node)->instance->type;
	uint8_t edge[BURST] = {0};

	type->process(node, packets, edge, BURST);
	for (int i = 0; i < BURST; i++) {
		if (edge[i] != SL_ON)
			die("a packet was not let through");
	}
}

static void bench_firewall(const struct sl_node_type *type, uint32_t flows, bool accounting)
{
	struct fw_config config = {
		.default_policy = FW_DEFAULT_ALLOW,
		.sessions = flows,
		.sessions_ipv6 = 16,
		.reject_rate = 1,
		.tcp_window = true,
		.accounting = accounting,
	};
	uint32_t none = 0;
	struct sl_node node = {.now = &now, .workers = 1, .edge_count = 2, .recording = &none};
	struct sl_instance *instance;

	for (int i = 0; i < FW_TIME_COUNT; i++)
		config.timeouts[i] = UINT64_C(1000000000) * 3600;
	instance = sl_instance_new(type, "fw", &config, 0, 1, errors);
	if (instance == NULL || sl_instance_join(instance, &node, errors) != 0)
		die("instance");
	/* There, back, and there again: a stream. */
	for (uint32_t flow = 0; flow < flows; flow += BURST) {
		for (uint32_t i = 0; i < BURST; i++)
			write_packet(packets[i], RTE_MIN(flow + i, flows - 1));
		for (int way = 0; way < 3; way++) {
			process(&node);
			for (uint32_t i = 0; i < BURST; i++)
				turn_round(packets[i]);
		}
	}
	printf("{\"case\": \"firewall-sessions%s\", \"system\": \"sluice\", \"flows\": %u, "
	       "\"cycles\": %.1f}\n",
	       accounting ? "-accounting" : "", flows, measure(process, &node, flows));
	sl_instance_free(instance);
}

int main(int argc, char **argv)
{
	const char *args[] = {
		"bench-filter",   "--no-huge",         "-m", "512", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=error", "-l", "0",   NULL};
	const char *path = argc > 1 ? argv[1] : SL_BUILD_DIR "/plugins/firewall.so";
	struct rte_mempool *pool;
	const struct sl_plugin *plugin;
	void *handle;

	errors = sl_errors_new();
	if (rte_eal_init((int)RTE_DIM(args) - 1, (char **)(uintptr_t)args) < 0)
		die("EAL does not start");
	pool = rte_pktmbuf_pool_create("bench", 511, 0, 0, 2048, SOCKET_ID_ANY);
	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, packets, BURST) != 0)
		die("no packets");
	handle = dlopen(path, RTLD_NOW);
	plugin = handle != NULL ? dlsym(handle, "sl_plugin") : NULL;
	if (plugin == NULL)
		die(dlerror());
	bench_matcher();
	bench_firewall(&plugin->types[0], 1000, false);
	bench_firewall(&plugin->types[0], 10000, false);
	bench_firewall(&plugin->types[0], 10000, true);
	bench_firewall(&plugin->types[0], 1000000, false);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Classifier and steering with fusion must be what they are without: random packets through both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>

#include <tests/unit/twins.h>

static const struct sl_plugin *plugin;
static uint32_t state;

static uint32_t pick(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

static int load(void **unused)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/classifier.so", RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return -1;
	plugin = dlsym(handle, "sl_plugin");
	return plugin != NULL ? 0 : -1;
}

static const struct sl_node_type *type_of(const char *name)
{
	for (uint32_t i = 0; i < plugin->type_count; i++)
		if (strcmp(plugin->types[i].name, name) == 0)
			return &plugin->types[i];
	return NULL;
}

static const char *const paths[] = {"a", "b", NULL};

static const char *const classifier_rules[] = {
	"rules:\n"
	"  - {match: {proto: tcp, tcp-flags: \"psh\", dport: 80}, mark: 3}\n"
	"  - {match: {proto: tcp, tcp-flags: syn}, mark: 4}\n"
	"  - {match: {proto: icmp, icmp-code: 1}, mark: 5}\n"
	"  - {match: {dport: 81}, mark: 7, dscp: 46}\n"
	"  - {match: {mark: 9}, dscp: 12}\n"
	"  - {match: {dport: 82, side: inside}, drop: true}\n",
	"rules:\n"
	"  - {match: {vlan: 5}, path: b}\n"
	"  - {match: {family: ipv6}, dscp: 1, mark: 1}\n"
	"  - {match: {dscp: 10}, dscp: 0}\n",
};
static const char *const steering_rules[] = {
	"rules:\n"
	"  - {match: {dport: 80}, path: a}\n"
	"  - {match: {proto: udp, dport: 81}, path: b, dscp: 10}\n"
	"  - {match: {mark: 9}, drop: true}\n",
	"rules:\n"
	"  - {match: {dst-mac: 02:00:00:00:00:02, dport: 81}, path: a, mark: 2}\n"
	"  - {match: {family: ipv6}, path: b}\n",
};

static void send_one(struct sl_twins *twins, uint32_t flow, unsigned int from)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	bool six = flow % 7 == 0;
	struct sl_test_packet packet = {
		.proto = protos[flow % 3],
		.from = six ? "2001:db8::1" : "10.0.0.1",
		.to = six ? "2001:db8::2" : "10.0.0.2",
		.sport = (uint16_t)(1000 + flow),
		.dport = (uint16_t)(80 + flow / 3 % 4),
		.tcp_flags = (uint8_t)(pick(10) == 0  ? RTE_TCP_SYN_FLAG
				       : pick(2) == 0 ? RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG
						      : RTE_TCP_ACK_FLAG),
		.icmp_type = six ? 128 : 8,
		.icmp_code = (uint8_t)(pick(5) == 0),
		.icmp_id = (uint16_t)flow,
		.vlan = flow % 5 == 0 ? 5 : 0,
		.dscp = flow % 4 == 0 ? 10 : 0,
		.mark = flow % 6 == 0 ? 9 : 0,
		.length = (uint16_t)pick(600),
	};

	if (six && packet.proto == IPPROTO_ICMP)
		packet.proto = IPPROTO_ICMPV6;
	sl_twins_push(twins, from, &packet);
}

static void random_traffic(const char *name, const char *const rules[2], const char *mode,
			   const char *const *named)
{
	static const char *const commands[] = {"rules", NULL};
	struct sl_twins *twins = sl_twins_new(type_of(name), rules[0], mode, named);

	state = 1;
	for (unsigned int i = 0; i < 10000; i++) {
		uint32_t flow = pick(60);
		unsigned int from = pick(2);

		for (uint32_t n = 1 + pick(6); n > 0; n--)
			send_one(twins, flow, from);
		sl_twins_run(twins);
		if (pick(1000) == 0)
			sl_twins_configure(twins, rules[pick(2)]);
		if (pick(20) == 0)
			sl_twins_compare(twins, commands);
	}
	sl_twins_compare(twins, commands);
	printf("%s, %s: %lu fused\n", name, mode, sl_test_fused(twins->fused));
	assert_true(sl_test_fused(twins->fused) > 10000);
	sl_twins_end(twins);
}

static void fusion_changes_nothing(void **unused)
{
	random_traffic("classifier", classifier_rules, "on", paths);
	random_traffic("steering", steering_rules, "on", paths);
}

static void every_action_is_what_the_walk_does(void **unused)
{
	random_traffic("classifier", classifier_rules, "verify", paths);
	random_traffic("steering", steering_rules, "verify", paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fusion_changes_nothing),
		cmocka_unit_test(every_action_is_what_the_walk_does),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of it: packets that were caught, drops, counters, events, answers of commands. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_mbuf.h>

#include <core/control/command.h>
#include <core/error/errors.h>
#include <core/graph/graph.h>
#include <core/plugin/instance.h>
#include <core/plugin/json.h>
#include <tests/unit/harness_rig.h>

unsigned int sl_test_name_count(const struct sl_name *names)
{
	unsigned int n = 0;

	while (names != NULL && names[n].name != NULL)
		n++;
	return n;
}

uint64_t sl_test_fused(const struct sl_test *t)
{
	struct sl_fusion_stats stats;
	uint64_t sum = 0;

	for (uint32_t w = 0; w < t->workers && t->fusion[w] != NULL; w++) {
		sl_fusion_stats(t->fusion[w], &stats);
		sum += stats.hits + stats.verified;
	}
	return sum;
}

void sl_test_passed(const struct sl_test *t, enum sl_side from, uint64_t *packets, uint64_t *bytes)
{
	struct sl_hop_stats stats;

	*packets = *bytes = 0;
	for (uint32_t w = 0; w < t->workers; w++) {
		sl_graph_stats(t->graphs[w], (uint16_t)from, &stats);
		*packets += stats.packets;
		*bytes += stats.bytes;
	}
}

static struct sl_test_caught *find(const struct sl_test *t, enum sl_side from, uint8_t edge,
				   unsigned int i)
{
	for (unsigned int j = 0; j < t->caught_count; j++) {
		struct sl_test_caught *c = &t->caught[j];

		if (c->from == from && c->edge == edge && i-- == 0)
			return c;
	}
	return NULL;
}

unsigned int sl_test_count(const struct sl_test *t, enum sl_side from, uint8_t edge)
{
	unsigned int n = 0;

	while (find(t, from, edge, n) != NULL)
		n++;
	return n;
}

struct rte_mbuf *sl_test_out(const struct sl_test *t, enum sl_side from, uint8_t edge,
			     unsigned int i)
{
	const struct sl_test_caught *c = find(t, from, edge, i);

	return c != NULL ? c->m : NULL;
}

struct rte_mbuf *sl_test_take(struct sl_test *t, enum sl_side from, uint8_t edge, unsigned int i)
{
	struct sl_test_caught *c = find(t, from, edge, i);
	struct rte_mbuf *m = c != NULL ? c->m : NULL;

	if (c != NULL) {
		t->caught_count--;
		memmove(c, c + 1, (size_t)(t->caught + t->caught_count - c) * sizeof(*c));
	}
	return m;
}

void sl_test_clear(struct sl_test *t)
{
	for (unsigned int i = 0; i < t->caught_count; i++)
		rte_pktmbuf_free(t->caught[i].m);
	t->caught_count = 0;
}

static uint32_t index_of(const struct sl_name *names, const char *name)
{
	for (uint32_t i = 0; names != NULL && names[i].name != NULL; i++)
		if (strcmp(names[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

static uint64_t sum_drops(const struct sl_test *t, uint32_t reason)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < t->workers; w++)
		for (uint16_t hop = 0; hop < SL_TEST_TRAPS; hop++)
			sum += sl_graph_drops(t->graphs[w], hop, reason);
	return sum;
}

uint64_t sl_test_drops(const struct sl_test *t, const char *reason)
{
	uint32_t i = index_of(t->type->reasons, reason);

	if (i == UINT32_MAX) {
		i = index_of(sl_graph_reasons, reason);
		if (i == UINT32_MAX)
			sl_test_fail("%s has no drop reason `%s`", t->type->name, reason);
		i += sl_test_name_count(t->type->reasons);
	}
	return sum_drops(t, i);
}

uint64_t sl_test_all_drops(const struct sl_test *t)
{
	struct sl_ledger ledger;
	uint64_t sum = 0;

	for (uint32_t w = 0; w < t->workers; w++) {
		sl_graph_ledger(t->graphs[w], &ledger);
		sum += ledger.dropped;
	}
	return sum;
}

uint64_t sl_test_counter(const struct sl_test *t, const char *counter)
{
	uint32_t i = index_of(t->type->counters, counter);
	uint64_t sum = 0;

	if (i == UINT32_MAX)
		sl_test_fail("%s has no counter `%s`", t->type->name, counter);
	for (uint32_t w = 0; w < t->workers; w++)
		sum += t->instance->counters[w][i];
	return sum;
}

uint64_t sl_test_held(const struct sl_test *t)
{
	struct sl_ledger ledger;
	uint64_t sum = 0;

	for (uint32_t w = 0; w < t->workers; w++) {
		sl_graph_ledger(t->graphs[w], &ledger);
		sum += ledger.held;
	}
	return sum;
}

unsigned int sl_test_event_count(const struct sl_test *t)
{
	return t->event_count;
}

const char *sl_test_event_name(const struct sl_test *t, unsigned int i)
{
	if (i >= t->event_count || t->events[i].event >= sl_test_name_count(t->type->events))
		sl_test_fail("no such event: %u", i);
	return t->type->events[t->events[i].event].name;
}

static const char *dump(char **text, json_t *value)
{
	free(*text);
	*text = json_dumps(value, JSON_COMPACT);
	json_decref(value);
	if (*text == NULL)
		sl_test_fail("JSON cannot be written");
	return *text;
}

const char *sl_test_event_json(const struct sl_test *t, unsigned int i)
{
	static char *text;
	json_t *object = json_object();

	sl_test_event_name(t, i);
	if (t->type->render_event != NULL)
		t->type->render_event(t->instance, t->events[i].event, t->events[i].data,
				      sl_json_from(object));
	return dump(&text, object);
}

static char *command_error;

static int collect(void *context, struct sl_instance *instance, uint32_t worker,
		   const struct sl_command *command, const void *args, uint64_t *cursor,
		   void *records, uint32_t room)
{
	struct sl_test *t = context;

	return (int)command->collect(sl_graph_node(t->graphs[worker], 0), args, cursor, records,
				     room);
}

const char *sl_test_command(struct sl_test *t, const char *command, const char *args)
{
	const struct sl_command *c = sl_command_find(t->type, command);
	struct sl_errors *errors = sl_errors_new();
	struct sl_test_config *config;
	static char *text;
	json_t *answer = NULL;

	if (c == NULL)
		sl_test_fail("%s has no command `%s`", t->type->name, command);
	config = sl_test_config_read(c->args, c->args_size, args, NULL, 0, errors);
	if (config != NULL)
		answer = sl_command_run(t->instance, c, sl_test_config_struct(config), 0, collect,
					t, errors);
	free(command_error);
	command_error = sl_test_messages(errors);
	sl_errors_free(errors);
	sl_test_config_free(config);
	return answer != NULL ? dump(&text, answer) : NULL;
}

const char *sl_test_command_error(void)
{
	return command_error;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include <core/control/report.h>
#include <core/control/telemetry.h>

/* Names in one answer, which DPDK holds to 16 KiB. */
#define MOST_NAMES 128u
#define WAIT_S     2 /* an apply may keep the main thread away */

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define add_number rte_tel_data_add_dict_uint
#else
#define add_number rte_tel_data_add_dict_u64
#endif

struct command {
	const char *name;
	const char *help;
	/* Main thread: an object, or a list of objects whose `key` is what is wanted. */
	json_t *(*report)(const struct sl_engine *engine, const struct sl_snapshot *s);
	const char *key;
	bool list; /* the names of all; else the one that the parameter names */
};

static json_t *drops(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	return sl_report_all_drops(engine, s);
}

static json_t *vnfs(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	return sl_report_vnfs(engine);
}

static json_t *workers(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	return sl_report_workers(engine);
}

static json_t *fusion(const struct sl_engine *engine, const struct sl_snapshot *s)
{
	json_t *all = sl_report_fusion(engine),
	       *list = json_incref(json_object_get(all, "workers"));

	json_decref(all);
	return list;
}

#define PAGED "Parameter, may be left out: number of the first to be named (128 at a time)"

static const struct command commands[] = {
	{"/sluice/status", "Returns version, generation and totals. No parameters",
	 sl_report_status, NULL, false},
	{"/sluice/drops", "Returns dropped packets by reason. No parameters", drops, NULL, false},
	{"/sluice/ports", "Returns the names of the ports. " PAGED, sl_report_ports, "name", true},
	{"/sluice/port", "Returns what a port counts. Parameter: name", sl_report_ports, "name",
	 false},
	{"/sluice/hops", "Returns the names of the hops. " PAGED, sl_report_nodes, "name", true},
	{"/sluice/hop", "Returns what a hop counts. Parameter: name", sl_report_nodes, "name",
	 false},
	{"/sluice/vnfs", "Returns the names of the VNFs. " PAGED, vnfs, "name", true},
	{"/sluice/vnf", "Returns what a VNF counts. Parameter: name", vnfs, "name", false},
	{"/sluice/workers", "Returns the numbers of the workers. " PAGED, workers, "worker", true},
	{"/sluice/worker", "Returns what a worker counts. Parameter: number", workers, "worker",
	 false},
	{"/sluice/fusion", "Returns the flow table of a worker. Parameter: number", fusion,
	 "worker", false},
};

/* What a thread of the socket waits for; on its stack. */
struct question {
	const struct command *command;
	const char *parameter; /* NULL: none */
	json_t *answer;
	int error;
	bool done;
};

/* One question at a time lies here. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct question *question;
	bool open, registered;
	_Atomic bool waiting; /* there is a question: spares main the lock */
} desk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void text_of(const json_t *value, char *text, size_t size)
{
	if (json_is_string(value))
		snprintf(text, size, "%s", json_string_value(value));
	else
		snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

static json_t *names(const json_t *rows, const char *key, const char *parameter)
{
	size_t first = parameter != NULL ? strtoul(parameter, NULL, 10) : 0;
	json_t *list = json_array();

	for (size_t i = first; i < json_array_size(rows) && i - first < MOST_NAMES; i++) {
		char text[RTE_TEL_MAX_STRING_LEN];

		text_of(json_object_get(json_array_get(rows, i), key), text, sizeof(text));
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *find(const json_t *rows, const char *key, const char *parameter)
{
	const json_t *row;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)rows, i, row) {
		char text[RTE_TEL_MAX_STRING_LEN];

		text_of(json_object_get(row, key), text, sizeof(text));
		if (parameter != NULL && strcmp(text, parameter) == 0)
			return json_incref((json_t *)(uintptr_t)row);
	}
	return NULL;
}

static void answer(const struct sl_engine *engine, struct question *question)
{
	const struct command *command = question->command;
	struct sl_snapshot *snapshot = sl_snapshot_take(engine);
	json_t *report;

	if (snapshot == NULL) {
		question->error = -EAGAIN;
		return;
	}
	report = command->report(engine, snapshot);
	sl_snapshot_free(snapshot);
	if (command->key == NULL)
		question->answer = json_incref(report);
	else if (command->list)
		question->answer = names(report, command->key, question->parameter);
	else
		question->answer = find(report, command->key, question->parameter);
	json_decref(report);
	if (question->answer == NULL)
		question->error = -ENOENT;
}

static void finish(struct question *question)
{
	question->done = true;
	desk.question = NULL;
	atomic_store(&desk.waiting, false);
	pthread_cond_broadcast(&desk.changed);
}

void sl_telemetry_poll(const struct sl_engine *engine)
{
	if (!atomic_load_explicit(&desk.waiting, memory_order_acquire) ||
	    pthread_mutex_trylock(&desk.lock) != 0)
		return;
	if (desk.question != NULL) {
		answer(engine, desk.question);
		finish(desk.question);
	}
	pthread_mutex_unlock(&desk.lock);
}

/* With the lock: wait until the place is free, then for the answer. */
static void ask_main(struct question *question)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	while (desk.open && desk.question != NULL && error == 0)
		error = pthread_cond_timedwait(&desk.changed, &desk.lock, &until);
	if (desk.open && desk.question == NULL) {
		desk.question = question;
		atomic_store_explicit(&desk.waiting, true, memory_order_release);
		error = 0;
		while (!question->done && error == 0)
			error = pthread_cond_timedwait(&desk.changed, &desk.lock, &until);
		if (!question->done)
			finish(question);
	}
	if (question->answer == NULL && question->error == 0)
		question->error = desk.open ? -ETIMEDOUT : -ESHUTDOWN;
}

/* Only letters, digits and _ may stand in names. */
static void add_name(char *name, size_t size, const char *prefix, const char *key)
{
	snprintf(name, size, "%s%s%s", prefix, *prefix != '\0' ? "_" : "", key);
	for (char *c = name; *c != '\0'; c++)
		if (!((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= 'a' && *c <= 'z')))
			*c = '_';
}

/* All in one dictionary: "rx_packets". What has no place in it (lists) is left out. */
static void flatten(struct rte_tel_data *data, const char *prefix, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		char name[RTE_TEL_MAX_STRING_LEN];

		add_name(name, sizeof(name), prefix, key);
		if (json_is_object(value))
			flatten(data, name, value);
		else if (json_is_string(value))
			rte_tel_data_add_dict_string(data, name, json_string_value(value));
		else if (json_is_boolean(value))
			add_number(data, name, json_is_true(value) ? 1 : 0);
		else if (json_is_number(value))
			add_number(data, name, (uint64_t)(json_number_value(value) + 0.5));
	}
}

static void fill(struct rte_tel_data *data, json_t *answer)
{
	json_t *name;
	size_t i;

	if (json_is_object(answer)) {
		rte_tel_data_start_dict(data);
		flatten(data, "", answer);
		return;
	}
	rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
	json_array_foreach (answer, i, name)
		rte_tel_data_add_array_string(data, json_string_value(name));
}

static int handle(const char *name, const char *parameter, struct rte_tel_data *data)
{
	struct question question = {.parameter = parameter};

	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			question.command = &commands[i];
	if (question.command == NULL)
		return -ENOENT;
	pthread_mutex_lock(&desk.lock);
	ask_main(&question);
	pthread_mutex_unlock(&desk.lock);
	if (question.answer == NULL)
		return question.error;
	fill(data, question.answer);
	json_decref(question.answer);
	return 0;
}

int sl_telemetry_open(struct sl_errors *errors)
{
	/* DPDK never forgets a command. */
	for (unsigned int i = 0; !desk.registered && i < sizeof(commands) / sizeof(commands[0]);
	     i++) {
		int error = rte_telemetry_register_cmd(commands[i].name, handle, commands[i].help);

		if (error != 0)
			return sl_fail(errors, -error, "telemetry: %s: %s", commands[i].name,
				       strerror(-error));
	}
	pthread_mutex_lock(&desk.lock);
	desk.registered = desk.open = true;
	pthread_mutex_unlock(&desk.lock);
	return 0;
}

void sl_telemetry_close(void)
{
	pthread_mutex_lock(&desk.lock);
	desk.open = false;
	if (desk.question != NULL)
		finish(desk.question);
	else
		pthread_cond_broadcast(&desk.changed);
	pthread_mutex_unlock(&desk.lock);
}

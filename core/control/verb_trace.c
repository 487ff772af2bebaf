/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/ask.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static int widest_hop(const json_t *steps)
{
	size_t i, widest = 0;
	json_t *step;

	json_array_foreach (steps, i, step)
		if (strlen(text_of(step, "hop")) > widest)
			widest = strlen(text_of(step, "hop"));
	return (int)widest;
}

/*
 *	packet 1  2026-11-21T10:26:01.123456789Z  port lan  worker 0  60 bytes
 *	  eth 02:.. > 02:.. / ip 10.0.0.2 > 198.51.100.2 / udp 6999 > 7000
 *	      2910 ns  web/nat>    on
 *	                           ip.src 10.0.0.2 -> 198.51.100.16
 */
static void print_step(const json_t *step, int width, json_int_t worker)
{
	json_t *changes = json_object_get(step, "changes"), *change;
	const char *reason = text_of(step, "reason"), *headers = text_of(step, "headers");
	json_int_t here = json_integer_value(json_object_get(step, "worker"));
	size_t i;

	printf("%9lld ns  %-*s  %s%s%s", json_integer_value(json_object_get(step, "ns")), width,
	       text_of(step, "hop"), text_of(step, "way"), reason[0] != '\0' ? ": " : "", reason);
	if (here != worker)
		printf(" (worker %lld)", here);
	putchar('\n');
	json_array_foreach (changes, i, change)
		printf("%*s%s\n", width + 16, "", json_string_value(change));
	if (headers[0] != '\0')
		printf("%*s%s\n", width + 16, "", headers);
}

static void print_packet(const json_t *packet)
{
	json_int_t worker = json_integer_value(json_object_get(packet, "worker"));
	json_t *steps = json_object_get(packet, "steps"), *step;
	int width = widest_hop(steps);
	size_t i;

	printf("packet %lld  %s  port %s  worker %lld  %lld bytes\n  %s\n",
	       json_integer_value(json_object_get(packet, "number")), text_of(packet, "time"),
	       text_of(packet, "port"), worker,
	       json_integer_value(json_object_get(packet, "length")), text_of(packet, "headers"));
	json_array_foreach (steps, i, step)
		print_step(step, width, worker);
	putchar('\n');
}

struct printing {
	bool json;
	unsigned int count;
};

static bool print_line(void *context, json_t *packet, const char *text)
{
	struct printing *printing = context;

	printing->count++;
	if (printing->json)
		puts(text);
	else
		print_packet(packet);
	return fflush(stdout) == 0;
}

static int trace(const struct sl_verb *verb, const struct sl_ask *ask, const char *path)
{
	struct printing printing = {.json = ask->json};
	struct sl_lines lines = {.line = print_line, .context = &printing};
	int err = sl_ask_lines(ask, path, &lines);

	if (err == 0 && printing.count == 0)
		fprintf(stderr, "no packet came that matches\n");
	return sl_verb_flush(verb, err == 0 ? SL_EXIT_OK : SL_EXIT_FAILED);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	char *path = strdup("/v1/trace");
	struct sl_ask ask = {0};
	int status;

	if (!sl_ask_query(verb, argc, argv, &ask, &path))
		status = ask.status;
	else if (argc > optind)
		status = sl_verb_misused(verb, "`%s`: nothing was expected here", argv[optind]);
	else
		status = trace(verb, &ask, path);
	free(path);
	return status;
}

static const struct sl_option options[] = {
	{'a', "at", "PORT",
	 "where packets begin; may be given several times; all ports by default"},
	{'f', "filter", "FILTER", "which packets, as they are received: see pcap-filter(7)"},
	{'n', "count", "NUMBER", "how many (10)"},
	{'d', "seconds", "NUMBER", "end after so long, however many there were"},
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	{'j', "json", NULL, "a JSON object a line"},
	SL_OPT_END,
};

const struct sl_verb sl_verb_trace = {
	.name = "trace",
	.summary = "Show packets hop by hop, and what each hop made of them",
	.help = "Each line is a hop: when the packet left it, and by which edge or why it was "
		"dropped; below it what changed in the headers. A packet that is traced walks the "
		"graph, whether or not its flow is fused.",
	.options = options,
	.run = run,
};

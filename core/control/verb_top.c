/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <core/control/ask.h>
#include <core/control/rates.h>
#include <core/control/table.h>

#define COUNT(array) (unsigned int)(sizeof(array) / sizeof((array)[0]))

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = 1;
}

/*
 * What is shown: tables of texts, so that numbers have the digits they need
 */

static void put_text(json_t *row, const json_t *from, const char *key, const char *format)
{
	char text[32];

	/* A space in front: see sl_table_print(). */
	snprintf(text, sizeof(text), format, json_number_value(json_object_get(from, key)));
	json_object_set_new(row, key, json_string(text));
}

struct field {
	const char *key, *title, *format; /* NULL: as it is */
};

static const struct field worker_fields[] = {
	{"worker", "worker", NULL},
	{"core", "core", NULL},
	{"busy_percent", "busy-%", " %.1f"},
	{"rx_mpps", "rx-mpps", " %.3f"},
	{"sleeps_per_second", "sleeps/s", " %.0f"},
};
static const struct field port_fields[] = {
	{"name", "port", NULL},          {"rx_mpps", "rx-mpps", " %.3f"},
	{"rx_gbps", "rx-gbps", " %.3f"}, {"tx_mpps", "tx-mpps", " %.3f"},
	{"tx_gbps", "tx-gbps", " %.3f"}, {"drops_per_second", "drops/s", " %.0f"},
};
static const struct field hop_fields[] = {
	{"name", "hop", NULL},
	{"mpps", "mpps", " %.3f"},
	{"cycles_per_packet", "cycles/pkt", " %.1f"},
	{"packets_per_call", "vector", " %.1f"},
	{"load_percent", "load-%", " %.1f"},
	{"drops_per_second", "drops/s", " %.0f"},
};
static const struct field drop_fields[] = {
	{"reason", "dropped for", NULL},
	{"per_second", "per second", " %.0f"},
	{"total", "in all", NULL},
};

static void print_table(FILE *out, const json_t *list, const struct field *fields,
			unsigned int count)
{
	struct sl_column columns[8];
	json_t *rows = json_array(), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		json_t *row = json_object();

		for (unsigned int f = 0; f < count; f++) {
			if (fields[f].format != NULL)
				put_text(row, item, fields[f].key, fields[f].format);
			else
				json_object_set(row, fields[f].key,
						json_object_get(item, fields[f].key));
		}
		json_array_append_new(rows, row);
	}
	for (unsigned int f = 0; f < count; f++)
		columns[f] = (struct sl_column){fields[f].title, fields[f].key};
	if (json_array_size(rows) != 0) {
		fputc('\n', out);
		sl_table_print(out, rows, columns, count);
	}
	json_decref(rows);
}

static double real(const json_t *rates, const char *key)
{
	return json_number_value(json_object_get(rates, key));
}

static void print_rates(FILE *out, const json_t *rates)
{
	fprintf(out, "sluice %s, chain %s, generation %.0f, up %.0f s\n",
		json_string_value(json_object_get(rates, "version")),
		json_string_value(json_object_get(rates, "chain")), real(rates, "generation"),
		real(rates, "up"));
	fprintf(out, "rx %.3f Mpps, tx %.3f, drops %.3f; held %.0f; fused %.1f %%\n",
		real(rates, "rx_mpps"), real(rates, "tx_mpps"), real(rates, "drops_mpps"),
		real(rates, "held"), real(rates, "fused_percent"));
	print_table(out, json_object_get(rates, "workers"), worker_fields, COUNT(worker_fields));
	print_table(out, json_object_get(rates, "ports"), port_fields, COUNT(port_fields));
	print_table(out, json_object_get(rates, "hops"), hop_fields, COUNT(hop_fields));
	print_table(out, json_object_get(rates, "drops"), drop_fields, COUNT(drop_fields));
}

/*
 * The terminal
 */

static struct termios cooked;
static bool is_raw;

static void open_screen(void)
{
	struct termios raw;

	if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &cooked) == 0) {
		raw = cooked;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	fputs("\x1b[?1049h\x1b[?25l", stdout); /* another screen, no cursor */
}

static void close_screen(void)
{
	fputs("\x1b[?25h\x1b[?1049l", stdout);
	fflush(stdout);
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
}

/* Bytes of the first `width` characters of a line. */
static int cut(const char *text, int length, int width)
{
	int at = 0;

	for (; at < length; at++)
		if (((unsigned char)text[at] & 0xc0) != 0x80 && width-- == 0)
			break;
	return at;
}

static void draw(const json_t *rates)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	char *text = NULL, *line;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	int left;

	if (out == NULL)
		return;
	print_rates(out, rates);
	fclose(out);
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	left = size.ws_row > 1 ? size.ws_row - 1 : 23;
	fputs("\x1b[H", stdout);
	for (line = text; *line != '\0' && left-- > 0;) {
		int length = (int)strcspn(line, "\n");

		printf("%.*s\x1b[K\n", cut(line, length, size.ws_col > 0 ? size.ws_col : 80), line);
		line += length + (line[length] == '\n');
	}
	fputs("\x1b[J", stdout);
	fflush(stdout);
	free(text);
}

/* Wait; false: `q` was pressed, or an interrupt came. */
static bool rest(double seconds, bool keys)
{
	struct timespec end, now;
	struct pollfd input = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};

	clock_gettime(CLOCK_MONOTONIC, &end);
	for (;;) {
		double passed, left;
		char key;

		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (double)(now.tv_sec - end.tv_sec) +
			 (double)(now.tv_nsec - end.tv_nsec) / 1e9;
		left = seconds - passed;
		if (interrupted)
			return false;
		if (left <= 0)
			return true;
		if (poll(&input, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1)
			input.fd = -1; /* nobody types */
		else if (key == 'q' || key == 'Q')
			return false;
	}
}

struct top {
	const char *socket;
	double interval;
	bool once, json, screen;
};

static void show(const struct top *top, const json_t *rates)
{
	if (top->json) {
		json_dumpf(rates, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
		putchar('\n');
		fflush(stdout);
	} else if (top->screen) {
		draw(rates);
	} else {
		print_rates(stdout, rates);
		fputs(top->once ? "" : "\n", stdout);
		fflush(stdout);
	}
}

static int follow(const struct top *top, struct sl_errors *errors)
{
	json_t *before = sl_client_ask(top->socket, "/v1/stats", NULL, errors), *now, *rates;
	int status = SL_EXIT_OK;

	while (before != NULL && rest(top->interval, top->screen) && !ferror(stdout)) {
		now = sl_client_ask(top->socket, "/v1/stats", NULL, errors);
		if (now == NULL)
			break;
		rates = sl_rates(before, now);
		show(top, rates);
		json_decref(rates);
		json_decref(before);
		before = now;
		if (top->once)
			break;
	}
	if (sl_errors_count(errors) != 0)
		status = SL_EXIT_FAILED;
	json_decref(before);
	return status;
}

static int top(const struct sl_verb *verb, struct top *top, const struct sl_ask *ask)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(ask->socket, ask->config, errors);
	int status = SL_EXIT_FAILED;

	top->socket = address;
	top->screen = !top->once && !top->json && isatty(STDOUT_FILENO);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (top->screen)
		open_screen();
	if (address != NULL)
		status = follow(top, errors);
	if (top->screen)
		close_screen();
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	free(address);
	return sl_verb_flush(verb, status);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct top options = {.interval = 1};
	struct sl_ask ask = {0};
	char *end = NULL;
	int option;

	while ((option = sl_verb_option(verb, argc, argv)) != -1) {
		switch (option) {
		case 'i':
			options.interval = strtod(optarg, &end);
			if (end == optarg || *end != '\0' ||
			    !(options.interval >= 0.1 && options.interval <= 3600))
				return sl_verb_misused(
					verb, "--interval %s: expected seconds, 0.1 to 3600",
					optarg);
			break;
		case '1':
			options.once = true;
			break;
		default:
			if (!sl_ask_option(verb, option, &ask))
				return ask.status;
		}
	}
	options.json = ask.json;
	if (argc > optind)
		return sl_verb_misused(verb, "`%s`: nothing was expected here", argv[optind]);
	return top(verb, &options, &ask);
}

static const struct sl_option options[] = {
	{'i', "interval", "SECONDS", "between two looks (1)"},
	{'1', "once", NULL, "print the rates of one interval, and end"},
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	{'j', "json", NULL, "print a JSON object a line for each interval"},
	SL_OPT_END,
};

const struct sl_verb sl_verb_top = {
	.name = "top",
	.summary = "Show what a running sluice does each second",
	.help = "Workers, ports, hops by what they take of the workers, and drops; everything is "
		"of the last interval. `q` ends it.",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <core/control/live.h>
#include <core/control/report.h>
#include <core/control/table.h>

struct sl_live {
	bool terminal;
	unsigned int lines; /* of the table that stands on the terminal */
	struct sl_snapshot *last;
	uint64_t busy, idle; /* cycles of all workers, then */
};

struct sl_live *sl_live_new(void)
{
	struct sl_live *live = calloc(1, sizeof(*live));

	if (live != NULL)
		live->terminal = isatty(STDOUT_FILENO);
	return live;
}

void sl_live_free(struct sl_live *live)
{
	if (live == NULL)
		return;
	sl_snapshot_free(live->last);
	free(live);
}

/* Per second, in millions. */
static double mpps(uint64_t now, uint64_t then, double seconds)
{
	return seconds > 0 ? (double)(now - then) / seconds / 1e6 : 0;
}

static double busy_percent(struct sl_live *live, const struct sl_engine *engine)
{
	uint64_t busy = 0, idle = 0;
	double all, part;

	for (unsigned int i = 0; i < engine->worker_count; i++) {
		struct sl_worker_stats s;

		sl_worker_stats(engine->workers[i], &s);
		busy += s.busy_cycles;
		idle += s.idle_cycles;
	}
	part = (double)(busy - live->busy);
	all = part + (double)(idle - live->idle);
	live->busy = busy;
	live->idle = idle;
	return all > 0 ? 100 * part / all : 0;
}

static void put_number(json_t *row, const char *key, const char *format, double value)
{
	char text[32];

	snprintf(text, sizeof(text), format, value);
	json_object_set_new(row, key, json_string(text));
}

/* What hop h did since `then` (NULL: since the start), `seconds` long. */
static void put_hop(json_t *row, const struct sl_engine *engine, const struct sl_snapshot *now,
		    const struct sl_snapshot *then, unsigned int h, double seconds)
{
	const struct sl_hop_stats *s = &now->hops[h], none = {0},
				  *t = then ? &then->hops[h] : &none;
	uint64_t packets = s->packets - t->packets;

	json_object_set_new(row, "packets", json_integer((json_int_t)s->packets));
	put_number(row, "mpps", "% .3f", mpps(s->packets, t->packets, seconds));
	put_number(row, "cycles", "% .1f",
		   packets != 0 ? (double)(s->cycles - t->cycles) / (double)packets : 0);
	json_object_set_new(row, "held", json_integer((json_int_t)s->held));
	json_object_set_new(row, "drops", sl_report_drops(engine, now, h));
}

static const char *hop_title(const struct sl_generation *g, const struct sl_plan_hop *hop,
			     char *text, size_t size)
{
	snprintf(text, size, "\xe2\x86\xb3 %s %s", g->chain->vnfs[hop->vnf].name,
		 hop->from == SL_INSIDE ? ">" : "<");
	return text;
}

static void add_row(json_t *rows, const char *title, const struct sl_engine *engine,
		    const struct sl_snapshot *now, const struct sl_snapshot *then, unsigned int h,
		    double seconds)
{
	json_t *row = json_object();

	json_object_set_new(row, "hop", json_string(title));
	put_hop(row, engine, now, then, h, seconds);
	json_array_append_new(rows, row);
}

/* The VNFs of each path in the order that packets meet them, forward and then backward. */
static json_t *path_rows(const struct sl_engine *engine, const struct sl_snapshot *now,
			 const struct sl_snapshot *then, double seconds)
{
	const struct sl_generation *g = engine->generation;
	json_t *rows = json_array();
	char title[256];

	for (unsigned int p = 0; p < g->chain->path_count; p++) {
		const struct sl_chain_path *path = &g->chain->paths[p];
		json_t *head = json_object();

		snprintf(title, sizeof(title), "%s: %s %s %s", path->name,
			 g->chain->ports[path->first].name, path->both_ways ? "<->" : "->",
			 g->chain->ports[path->last].name);
		json_object_set_new(head, "hop", json_string(title));
		json_array_append_new(rows, head);
		for (unsigned int h = 0; h < g->plan->hop_count; h++) {
			const struct sl_plan_hop *hop = &g->plan->hops[h];

			if (hop->kind == SL_PLAN_VNF && hop->path == p)
				add_row(rows, hop_title(g, hop, title, sizeof(title)), engine, now,
					then, h, seconds);
		}
	}
	return rows;
}

/* The engine's own hops that dropped something, and each port's ends. */
static json_t *port_rows(const struct sl_engine *engine, const struct sl_snapshot *now,
			 const struct sl_snapshot *then, double seconds)
{
	const struct sl_generation *g = engine->generation;
	json_t *rows = json_array();

	for (unsigned int h = 0; h < g->plan->hop_count; h++) {
		const struct sl_plan_hop *hop = &g->plan->hops[h];

		if (hop->kind == SL_PLAN_RX || hop->kind == SL_PLAN_TX ||
		    (hop->kind != SL_PLAN_VNF && now->hops[h].drops != 0))
			add_row(rows, hop->name, engine, now, then, h, seconds);
	}
	return rows;
}

static void print_rows(FILE *out, json_t *rows)
{
	static const struct sl_column columns[] = {{"hop", "hop"},   {"packets", "packets"},
						   {"mpps", "mpps"}, {"cycles/pkt", "cycles"},
						   {"held", "held"}, {"drops", "drops"}};
	json_t *row;
	size_t i;

	/* A heading has no numbers; empty cells, not dashes. */
	json_array_foreach (rows, i, row)
		for (unsigned int c = 1; c < 6; c++)
			if (json_object_get(row, columns[c].key) == NULL)
				json_object_set_new(row, columns[c].key, json_string(""));
	sl_table_print(out, rows, columns, 6);
	json_decref(rows);
}

static void print_totals(FILE *out, const struct sl_totals *t)
{
	fprintf(out,
		"rx %" PRIu64 " + made %" PRIu64 " = tx %" PRIu64 " + drops %" PRIu64
		" + joined %" PRIu64 " + held %" PRIu64 "\n",
		t->rx, t->made, t->tx, t->drops, t->joined, t->held);
}

static void print_table(struct sl_live *live, FILE *out, const struct sl_engine *engine,
			const struct sl_snapshot *now, const struct sl_snapshot *then)
{
	double seconds = then != NULL ? now->seconds - then->seconds : now->seconds;
	char chain[64];

	snprintf(chain, sizeof(chain), "%s", engine->generation->chain->name);
	fprintf(out, "sluice %s, chain %s, %.0f s, %u worker%s %.0f %% busy\n", SL_VERSION, chain,
		now->seconds, engine->worker_count, engine->worker_count == 1 ? "" : "s",
		busy_percent(live, engine));
	print_totals(out, &now->totals);
	fputc('\n', out);
	print_rows(out, port_rows(engine, now, then, seconds));
	fputc('\n', out);
	print_rows(out, path_rows(engine, now, then, seconds));
}

static void erase(struct sl_live *live)
{
	if (live->lines != 0)
		printf("\x1b[%uF\x1b[J", live->lines);
	live->lines = 0;
}

/* Lines that wrap or scroll could not be erased. */
static void draw(struct sl_live *live, const char *text)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int width, height;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	width = size.ws_col > 1 ? size.ws_col - 1 : 79;
	height = size.ws_row > 2 ? size.ws_row - 2 : 22;
	erase(live);
	for (; *text != '\0' && (int)live->lines < height; live->lines++) {
		int length = (int)strcspn(text, "\n");

		printf("%.*s\n", length < width ? length : width, text);
		text += length + (text[length] == '\n');
	}
	if (*text != '\0') {
		printf("... `sluice show paths` shows all\n");
		live->lines++;
	}
}

static void show_table(struct sl_live *live, const struct sl_engine *engine,
		       const struct sl_snapshot *now)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	print_table(live, out, engine, now, live->last);
	fclose(out);
	draw(live, text);
	free(text);
}

static void show_line(struct sl_live *live, const struct sl_engine *engine,
		      const struct sl_snapshot *now)
{
	const struct sl_totals *t = &now->totals;
	uint64_t then = live->last != NULL ? live->last->totals.rx : 0;
	double seconds = now->seconds - (live->last != NULL ? live->last->seconds : 0);

	printf("%.0f s: rx %" PRIu64 " (%.3f Mpps), tx %" PRIu64 ", drops %" PRIu64
	       ", held %" PRIu64 ", workers %.0f %% busy\n",
	       now->seconds, t->rx, mpps(t->rx, then, seconds), t->tx, t->drops, t->held,
	       busy_percent(live, engine));
}

void sl_live_second(struct sl_live *live, const struct sl_engine *engine)
{
	struct sl_snapshot *now = sl_snapshot_take(engine);

	if (now == NULL)
		return;
	/* Another generation's hops are others. */
	if (live->last != NULL && live->last->generation != now->generation) {
		sl_snapshot_free(live->last);
		live->last = NULL;
	}
	if (live->terminal)
		show_table(live, engine, now);
	else
		show_line(live, engine, now);
	fflush(stdout);
	sl_snapshot_free(live->last);
	live->last = now;
}

void sl_live_line(struct sl_live *live, const char *line)
{
	erase(live);
	puts(line);
	fflush(stdout);
}

void sl_live_end(struct sl_live *live, const struct sl_engine *engine)
{
	struct sl_snapshot *now = sl_snapshot_take(engine);

	if (now == NULL)
		return;
	erase(live);
	live->busy = live->idle = 0;
	print_table(live, stdout, engine, now, NULL);
	fflush(stdout);
	sl_snapshot_free(now);
}

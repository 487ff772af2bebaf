/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <core/forecast/costs.h>

static void this_machine(char *text, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown processor");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || colon == NULL)
			continue;
		snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
		text[strcspn(text, "\n")] = '\0';
		break;
	}
	if (file != NULL)
		fclose(file);
}

static bool same(const struct sl_cost *a, const struct sl_cost *b)
{
	return strcmp(a->of, b->of) == 0 && strcmp(a->way, b->way) == 0 &&
	       strcmp(a->config, b->config) == 0 && a->bytes == b->bytes &&
	       (a->origin == SL_COST_SHIPPED) == (b->origin == SL_COST_SHIPPED);
}

bool sl_costs_put(struct sl_costs *costs, const struct sl_cost *cost)
{
	for (unsigned int i = 0; i < costs->count; i++) {
		if (same(&costs->list[i], cost)) {
			costs->list[i] = *cost;
			return true;
		}
	}
	if (costs->count == costs->room) {
		unsigned int room = costs->room == 0 ? 64 : 2 * costs->room;
		struct sl_cost *list = realloc(costs->list, room * sizeof(*list));

		if (list == NULL)
			return false;
		costs->list = list;
		costs->room = room;
	}
	costs->list[costs->count++] = *cost;
	return true;
}

static void copy(char *to, size_t size, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, size, "%s", text != NULL ? text : "");
}

static bool read_cost(const json_t *object, enum sl_cost_origin origin, struct sl_cost *cost)
{
	const json_t *points = json_object_get(object, "cycles"), *point;
	size_t i;

	*cost = (struct sl_cost){.origin = origin};
	copy(cost->of, sizeof(cost->of), object, "of");
	copy(cost->way, sizeof(cost->way), object, "way");
	copy(cost->config, sizeof(cost->config), object, "config");
	cost->bytes = (uint32_t)json_integer_value(json_object_get(object, "bytes"));
	cost->fuses = json_is_true(json_object_get(object, "fuses"));
	cost->spreads = json_is_true(json_object_get(object, "spreads"));
	cost->dropped = json_number_value(json_object_get(object, "dropped"));
	json_array_foreach (points, i, point) {
		if (i == SL_COST_POINTS)
			return false;
		cost->points[i] = (struct sl_cost_point){
			.flows = (uint64_t)json_integer_value(json_array_get(point, 0)),
			.plain = json_number_value(json_array_get(point, 1)),
			.fused = json_number_value(json_array_get(point, 2)),
		};
		if (cost->points[i].flows == 0 ||
		    (i > 0 && cost->points[i].flows <= cost->points[i - 1].flows))
			return false;
		cost->count++;
	}
	return cost->of[0] != '\0' && cost->count > 0;
}

/* A table of another processor is the shipped one's kind, wherever it lies. */
static int read_table(struct sl_costs *costs, const char *file, struct sl_errors *errors)
{
	json_error_t error;
	json_t *root, *object;
	struct sl_cost cost;
	enum sl_cost_origin origin;
	char machine[sizeof(costs->machine)];
	size_t i;

	if (access(file, F_OK) != 0)
		return 0;
	root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		return sl_fail(errors, EINVAL, "%s:%d: %s; remove it to begin a new one", file,
			       error.line, error.text);
	copy(machine, sizeof(machine), root, "machine");
	origin = strcmp(machine, costs->machine) == 0 ? SL_COST_HERE : SL_COST_SHIPPED;
	if (origin == SL_COST_SHIPPED)
		snprintf(costs->shipped, sizeof(costs->shipped), "%s", machine);
	json_array_foreach (json_object_get(root, "costs"), i, object) {
		if (!read_cost(object, origin, &cost)) {
			sl_fail(errors, EINVAL, "%s: entry %zu of `costs` is damaged", file, i + 1);
			break;
		}
		if (!sl_costs_put(costs, &cost))
			sl_fail(errors, ENOMEM, "out of memory");
	}
	json_decref(root);
	return sl_errors_count(errors) == 0 ? 0 : -EINVAL;
}

struct sl_costs *sl_costs_load(const char *const *folders, unsigned int count, const char *file,
			       struct sl_errors *errors)
{
	struct sl_costs *costs = calloc(1, sizeof(*costs));
	int err = 0;

	if (costs == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		return NULL;
	}
	this_machine(costs->machine, sizeof(costs->machine));
	for (unsigned int i = 0; i < count && err == 0; i++) {
		char *path;

		if (asprintf(&path, "%s/costs.json", folders[i]) < 0)
			continue;
		err = read_table(costs, path, errors);
		free(path);
	}
	if (err == 0 && file != NULL)
		err = read_table(costs, file, errors);
	if (err == 0)
		return costs;
	sl_costs_free(costs);
	return NULL;
}

void sl_costs_free(struct sl_costs *costs)
{
	if (costs == NULL)
		return;
	free(costs->list);
	free(costs);
}

static double tenth(double value)
{
	return round(value * 10) / 10;
}

static json_t *write_cost(const struct sl_cost *cost)
{
	json_t *object = json_object(), *points = json_array();

	json_object_set_new(object, "of", json_string(cost->of));
	if (cost->way[0] != '\0')
		json_object_set_new(object, "way", json_string(cost->way));
	if (cost->config[0] != '\0')
		json_object_set_new(object, "config", json_string(cost->config));
	json_object_set_new(object, "bytes", json_integer(cost->bytes));
	if (cost->fuses)
		json_object_set_new(object, "fuses", json_true());
	if (cost->spreads)
		json_object_set_new(object, "spreads", json_true());
	if (cost->dropped >= 0.005)
		json_object_set_new(object, "dropped", json_real(round(cost->dropped * 100) / 100));
	for (unsigned int i = 0; i < cost->count; i++)
		json_array_append_new(points,
				      json_pack("[I, f, f]", (json_int_t)cost->points[i].flows,
						tenth(cost->points[i].plain),
						tenth(cost->points[i].fused)));
	json_object_set_new(object, "cycles", points);
	return object;
}

static void make_folder(const char *file)
{
	char *path = strdup(file), *slash = path;

	while (path != NULL && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	free(path);
}

int sl_costs_save(const struct sl_costs *costs, const char *file, struct sl_errors *errors)
{
	json_t *list = json_array(), *root;
	char *beside = NULL;
	int err = 0;
	FILE *out;

	for (unsigned int i = 0; i < costs->count; i++)
		if (costs->list[i].origin != SL_COST_SHIPPED)
			json_array_append_new(list, write_cost(&costs->list[i]));
	root = json_pack("{s:s, s:o}", "machine", costs->machine, "costs", list);
	make_folder(file);
	out = asprintf(&beside, "%s.new", file) < 0 ? NULL : fopen(beside, "we");
	if (out == NULL)
		err = -errno;
	else if (json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0 ||
		 fputc('\n', out) == EOF)
		err = -EIO;
	if (out != NULL && fclose(out) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(beside, file) != 0)
		err = -errno;
	if (err != 0) {
		sl_fail(errors, -err, "%s: %s", file, strerror(-err));
		if (out != NULL)
			unlink(beside);
	}
	json_decref(root);
	free(beside);
	return err;
}

static unsigned int fit(const struct sl_cost *cost, const char *config, uint32_t bytes)
{
	return (strcmp(cost->config, config) == 0 ? 4 : 0) +
	       (cost->origin != SL_COST_SHIPPED ? 2 : 0) + (cost->bytes == bytes ? 1 : 0);
}

const struct sl_cost *sl_costs_find(const struct sl_costs *costs, const char *of, const char *way,
				    const char *config, uint32_t bytes)
{
	const struct sl_cost *best = NULL;

	for (unsigned int i = 0; i < costs->count; i++) {
		const struct sl_cost *cost = &costs->list[i];

		if (strcmp(cost->of, of) != 0 || strcmp(cost->way, way) != 0)
			continue;
		if (best == NULL || fit(cost, config, bytes) > fit(best, config, bytes))
			best = cost;
	}
	return best;
}

double sl_costs_port(const struct sl_costs *costs, const char *of, const char *way, uint32_t bytes,
		     const struct sl_cost **found)
{
	const struct sl_cost *best = sl_costs_find(costs, of, way, "", bytes);
	const struct sl_cost *below = NULL, *above = NULL;

	*found = best;
	if (best == NULL)
		return 0;
	for (unsigned int i = 0; i < costs->count; i++) {
		const struct sl_cost *cost = &costs->list[i];

		if (strcmp(cost->of, of) != 0 || strcmp(cost->way, way) != 0 ||
		    (cost->origin == SL_COST_SHIPPED) != (best->origin == SL_COST_SHIPPED))
			continue;
		if (cost->bytes <= bytes && (below == NULL || cost->bytes > below->bytes))
			below = cost;
		if (cost->bytes >= bytes && (above == NULL || cost->bytes < above->bytes))
			above = cost;
	}
	if (below == NULL || above == NULL || below == above)
		return best->points[0].plain;
	return below->points[0].plain + (above->points[0].plain - below->points[0].plain) *
						(bytes - below->bytes) /
						(above->bytes - below->bytes);
}

static double value(const struct sl_cost_point *point, bool fused)
{
	return fused ? point->fused : point->plain;
}

double sl_cost_at(const struct sl_cost *cost, double flows, bool fused)
{
	const struct sl_cost_point *points = cost->points;
	double part;

	if (flows <= (double)points[0].flows)
		return value(&points[0], fused);
	for (unsigned int i = 1; i < cost->count; i++) {
		if (flows > (double)points[i].flows)
			continue;
		part = log(flows / (double)points[i - 1].flows) /
		       log((double)points[i].flows / (double)points[i - 1].flows);
		return value(&points[i - 1], fused) * (1 - part) + value(&points[i], fused) * part;
	}
	return value(&points[cost->count - 1], fused);
}

char *sl_costs_file(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;

	if (cache != NULL && cache[0] == '/') {
		if (asprintf(&path, "%s/sluice/costs.json", cache) < 0)
			path = NULL;
	} else if (home != NULL && home[0] == '/') {
		if (asprintf(&path, "%s/.cache/sluice/costs.json", home) < 0)
			path = NULL;
	}
	return path;
}

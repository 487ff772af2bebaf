/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include <core/control/show_plan.h>
#include <core/control/table.h>
#include <core/forecast/forecast.h>

static void add_loads(const json_t *way, json_t *rows)
{
	const json_t *load;
	size_t i;

	json_array_foreach (json_object_get(way, "loads"), i, load) {
		const json_t *plain = json_object_get(load, "unfused");
		const json_t *fused = json_object_get(load, "fused");

		json_array_append_new(rows,
				      json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O}", "flows",
						json_object_get(load, "flows"), "unfused",
						json_object_get(plain, "cycles"), "mpps",
						json_object_get(plain, "mpps"), "core",
						json_object_get(plain, "mpps_core"), "fused",
						json_object_get(fused, "cycles"), "fused_mpps",
						json_object_get(fused, "mpps"), "fused_core",
						json_object_get(fused, "mpps_core"), "limit",
						json_object_get(fused, "limit")));
	}
}

static void add_parts(const json_t *way, json_t *rows)
{
	const json_t *part;
	size_t i;

	json_array_foreach (json_object_get(way, "parts"), i, part) {
		const char *note = json_string_value(json_object_get(part, "note"));
		double dropped = json_number_value(json_object_get(part, "dropped"));
		json_t *row = json_object();
		char text[160], key[24];

		json_object_set(row, "part", json_object_get(part, "name"));
		for (size_t f = 0; f < json_array_size(json_object_get(part, "fused")); f++) {
			snprintf(key, sizeof(key), "u%zu", f);
			json_object_set(row, key,
					json_array_get(json_object_get(part, "unfused"), f));
			snprintf(key, sizeof(key), "f%zu", f);
			json_object_set(row, key,
					json_array_get(json_object_get(part, "fused"), f));
		}
		snprintf(text, sizeof(text), "%s%s%s",
			 json_string_value(json_object_get(part, "source")),
			 note != NULL ? ", " : "", note != NULL ? note : "");
		if (dropped > 0)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 ", where it dropped %.0f %%", 100 * dropped);
		json_object_set_new(row, "source", json_string(text));
		json_array_append_new(rows, row);
	}
}

static void print_way(const json_t *way, const json_t *flows)
{
	static const struct sl_column totals[] = {
		{"flows", "flows"},       {"unfused", "unfused"}, {"Mpps", "mpps"},
		{"a core", "core"},       {"fused", "fused"},     {"Mpps", "fused_mpps"},
		{"a core", "fused_core"}, {"limited by", "limit"}};
	struct sl_column columns[2 * SL_FORECAST_FLOWS + 2];
	char titles[2 * SL_FORECAST_FLOWS][32], keys[2 * SL_FORECAST_FLOWS][24];
	json_t *rows = json_array();
	unsigned int count = 0;

	printf("\n%s, %s: %s to %s\n", json_string_value(json_object_get(way, "path")),
	       json_string_value(json_object_get(way, "way")),
	       json_string_value(json_object_get(way, "from")),
	       json_string_value(json_object_get(way, "to")));
	add_loads(way, rows);
	sl_table_print(stdout, rows, totals, RTE_DIM(totals));
	json_array_clear(rows);
	columns[count++] = (struct sl_column){"part", "part"};
	for (size_t f = 0; f < json_array_size(flows); f++) {
		for (unsigned int mode = 0; mode < 2; mode++) {
			unsigned int i = count - 1;

			snprintf(titles[i], sizeof(titles[i]), "%lld%s",
				 (long long)json_integer_value(json_array_get(flows, f)),
				 mode == 1 ? " fused" : "");
			snprintf(keys[i], sizeof(keys[i]), "%c%zu", mode == 1 ? 'f' : 'u', f);
			columns[count++] = (struct sl_column){titles[i], keys[i]};
		}
	}
	columns[count++] = (struct sl_column){"from", "source"};
	add_parts(way, rows);
	sl_table_print(stdout, rows, columns, count);
	json_decref(rows);
}

void sl_show_plan(const json_t *forecast)
{
	const char *shipped = json_string_value(json_object_get(forecast, "default_machine"));
	const json_t *way;
	size_t i;

	printf("%s: cycles a packet of %lld bytes, %lld worker%s at %.0f MHz (%s)\n",
	       json_string_value(json_object_get(forecast, "chain")),
	       (long long)json_integer_value(json_object_get(forecast, "bytes")),
	       (long long)json_integer_value(json_object_get(forecast, "workers")),
	       json_integer_value(json_object_get(forecast, "workers")) == 1 ? "" : "s",
	       json_number_value(json_object_get(forecast, "mhz")),
	       json_string_value(json_object_get(forecast, "machine")));
	json_array_foreach (json_object_get(forecast, "paths"), i, way)
		print_way(way, json_object_get(forecast, "flows"));
	if (shipped != NULL && shipped[0] != '\0')
		printf("\n`default` was measured on: %s; --measure measures here\n", shipped);
}

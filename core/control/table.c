/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/table.h>

#define MOST_COLUMNS 64
#define GAP          2

/* What a terminal would act on is not printed as it is. */
static void put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

/* Four digits; whole numbers of more are shown as they are. */
static void put_real(FILE *out, double value)
{
	fprintf(out, value > -1000 && value < 1000 ? "%.4g" : "%.0f", value);
}

static void put_value(FILE *out, const json_t *value, bool nested)
{
	const char *key;
	json_t *item;
	size_t i;
	bool first = true;

	switch (value != NULL ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
		fputc('-', out);
		break;
	case JSON_STRING:
		put_text(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		put_real(out, json_real_value(value));
		break;
	case JSON_TRUE:
		fputs("yes", out);
		break;
	case JSON_FALSE:
		fputs("no", out);
		break;
	case JSON_ARRAY:
		json_array_foreach (value, i, item) {
			fputs(first ? "" : nested ? "," : ", ", out);
			put_value(out, item, true);
			first = false;
		}
		if (first)
			fputc('-', out);
		break;
	case JSON_OBJECT:
		json_object_foreach ((json_t *)value, key, item) {
			fputs(first ? "" : ", ", out);
			put_text(out, key);
			fputc(' ', out);
			put_value(out, item, true);
			first = false;
		}
		if (first)
			fputc('-', out);
		break;
	}
}

char *sl_cell_text(const json_t *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	put_value(out, value, false);
	fclose(out);
	return text;
}

/* Columns that take no more than this many bytes wide are counted in characters. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const json_t *find(const json_t *row, const char *key)
{
	char part[64];
	const char *dot;

	while ((dot = strchr(key, '.')) != NULL && (size_t)(dot - key) < sizeof(part)) {
		memcpy(part, key, (size_t)(dot - key));
		part[dot - key] = '\0';
		row = json_object_get(row, part);
		key = dot + 1;
	}
	return json_object_get(row, key);
}

static unsigned int columns_of(const json_t *rows, struct sl_column *columns)
{
	unsigned int count = 0;
	const char *key;
	json_t *row, *value;
	size_t i;

	json_array_foreach (rows, i, row)
		json_object_foreach (row, key, value) {
			unsigned int c = 0;

			while (c < count && strcmp(columns[c].key, key) != 0)
				c++;
			if (c == count && count < MOST_COLUMNS)
				columns[count++] = (struct sl_column){key, key};
		}
	return count;
}

static void put_row(FILE *out, char *const *cells, const size_t *widths, const bool *right,
		    unsigned int count)
{
	for (unsigned int c = 0; c < count; c++) {
		const char *text = cells[c] != NULL ? cells[c] : "";
		size_t width = width_of(text), space = widths[c] > width ? widths[c] - width : 0;

		if (right[c])
			fprintf(out, "%*s%s", (int)space, "", text);
		else
			fprintf(out, "%s%*s", text, c + 1 == count ? 0 : (int)space, "");
		if (c + 1 < count)
			fprintf(out, "%*s", GAP, "");
	}
	fputc('\n', out);
}

static void print(FILE *out, const json_t *rows, const struct sl_column *columns,
		  unsigned int count)
{
	size_t height = json_array_size(rows), widths[MOST_COLUMNS] = {0};
	bool right[MOST_COLUMNS] = {false};
	char **cells = calloc((height + 1) * count + 1, sizeof(*cells));

	if (cells == NULL)
		return;
	for (unsigned int c = 0; c < count; c++) {
		cells[c] = strdup(columns[c].title);
		for (char *t = cells[c]; t != NULL && *t != '\0'; t++)
			*t = (char)(*t >= 'a' && *t <= 'z' ? *t - 'a' + 'A' : *t == '_' ? '-' : *t);
	}
	for (size_t r = 0; r < height; r++)
		for (unsigned int c = 0; c < count; c++) {
			const json_t *value = find(json_array_get(rows, r), columns[c].key);

			cells[(r + 1) * count + c] = sl_cell_text(value);
			/* Numbers that were made text ahead start with a space. */
			right[c] |= json_is_number(value) ||
				    (json_is_string(value) && *json_string_value(value) == ' ');
		}
	for (size_t i = 0; i < (height + 1) * count; i++) {
		size_t width = cells[i] != NULL ? width_of(cells[i]) : 0;

		if (width > widths[i % count])
			widths[i % count] = width;
	}
	for (size_t r = 0; r <= height; r++)
		put_row(out, cells + r * count, widths, right, count);
	for (size_t i = 0; i < (height + 1) * count; i++)
		free(cells[i]);
	free(cells);
}

void sl_table_print(FILE *out, const json_t *rows, const struct sl_column *columns,
		    unsigned int count)
{
	struct sl_column found[MOST_COLUMNS];

	if (columns == NULL) {
		count = columns_of(rows, found);
		columns = found;
	}
	if (count != 0 && json_array_size(rows) != 0)
		print(out, rows, columns, count);
	else
		fputs("none\n", out);
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

void sl_object_print(FILE *out, const json_t *object)
{
	size_t widest = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		if (!is_table(value) && strlen(key) > widest)
			widest = strlen(key);
	json_object_foreach ((json_t *)object, key, value) {
		if (is_table(value))
			continue;
		fprintf(out, "%s:%*s", key, (int)(widest - strlen(key) + 1), "");
		put_value(out, value, false);
		fputc('\n', out);
	}
	json_object_foreach ((json_t *)object, key, value) {
		if (!is_table(value))
			continue;
		fprintf(out, "\n%s:\n", key);
		sl_table_print(out, value, NULL, 0);
	}
}

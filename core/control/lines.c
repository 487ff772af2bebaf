/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <core/control/lines.h>

static bool add(struct sl_lines *lines, const char *data, size_t size)
{
	char *grown = realloc(lines->text, lines->size + size + 1);

	if (grown == NULL)
		return false;
	memcpy(grown + lines->size, data, size);
	lines->size += size;
	grown[lines->size] = '\0';
	lines->text = grown;
	return true;
}

bool sl_lines_take(struct sl_lines *lines, const char *data, size_t size)
{
	const char *end;

	while ((end = memchr(data, '\n', size)) != NULL) {
		size_t length = (size_t)(end - data);
		json_t *object;
		bool more;

		if (!add(lines, data, length))
			return false;
		object = json_loadb(lines->text, lines->size, 0, NULL);
		more = object != NULL && lines->line(lines->context, object, lines->text);
		json_decref(object);
		lines->size = 0;
		if (!more)
			return false;
		data += length + 1;
		size -= length + 1;
	}
	return add(lines, data, size);
}

void sl_lines_end(struct sl_lines *lines)
{
	free(lines->text);
	lines->text = NULL;
	lines->size = 0;
}

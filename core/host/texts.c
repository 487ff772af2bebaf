/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/texts.h>

static uint32_t hash(const char *text)
{
	uint32_t sum = 2166136261u; /* FNV-1a */

	for (; *text != '\0'; text++)
		sum = (sum ^ (uint8_t)*text) * 16777619u;
	return sum;
}

static uint32_t *place_of(const struct sl_texts *texts, const char *text)
{
	uint32_t at = hash(text) & (texts->table_size - 1);

	while (texts->table[at] != 0 && strcmp(texts->list[texts->table[at]], text) != 0)
		at = (at + 1) & (texts->table_size - 1);
	return &texts->table[at];
}

static bool grow(struct sl_texts *texts)
{
	uint32_t size = texts->table_size != 0 ? 2 * texts->table_size : 1024;
	char **list = realloc(texts->list, size * sizeof(*list));
	uint32_t *table = calloc(size, sizeof(*table));

	if (list != NULL)
		texts->list = list;
	if (list == NULL || table == NULL) {
		free(table);
		return false;
	}
	free(texts->table);
	texts->table = table;
	texts->table_size = size;
	for (uint32_t i = 1; i < texts->count; i++)
		*place_of(texts, texts->list[i]) = i;
	return true;
}

uint32_t sl_texts_number(struct sl_texts *texts, const char *text)
{
	uint32_t *place;

	if (text == NULL || text[0] == '\0')
		return 0;
	if (2 * (texts->count + 1) >= texts->table_size && !grow(texts))
		return 0;
	if (texts->count == 0)
		texts->list[texts->count++] = NULL;
	place = place_of(texts, text);
	if (*place != 0)
		return *place;
	texts->list[texts->count] = strdup(text);
	if (texts->list[texts->count] == NULL)
		return 0;
	*place = texts->count;
	return texts->count++;
}

const char *sl_texts_get(const struct sl_texts *texts, uint32_t number)
{
	return number > 0 && number < texts->count ? texts->list[number] : "";
}

void sl_texts_free(struct sl_texts *texts)
{
	for (uint32_t i = 1; i < texts->count; i++)
		free(texts->list[i]);
	free(texts->list);
	free(texts->table);
}

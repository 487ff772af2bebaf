/* SPDX-License-Identifier: BSD-3-Clause */
/* "did you mean ...": the word nearest to a misspelt one. */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include <core/error/errors.h>

#define MAX_WORD 63

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool like(char a, char b)
{
	if (a == '_')
		a = '-';
	if (b == '_')
		b = '-';
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Damerau's distance in its optimal string alignment form: inserted, missing, wrong and swapped
 * neighbouring letters, each counted once; case and underscore for dash count nothing. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][MAX_WORD + 1];
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2];
	size_t m = strlen(a), n = strlen(b);

	if (m > MAX_WORD || n > MAX_WORD)
		return UINT32_MAX;
	for (size_t j = 0; j <= n; j++)
		above[j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned int *next = before;

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int cost = like(a[i - 1], b[j - 1]) ? 0 : 1;

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + cost);
			if (i > 1 && j > 1 && like(a[i - 1], b[j - 2]) && like(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = next;
	}
	return above[n];
}

/* How wrong a word of that length may be: more than about a third is another word. */
static unsigned int tolerance(size_t length)
{
	return length <= 2 ? 0 : length <= 4 ? 1 : length <= 8 ? 2 : 3;
}

const char *sl_near_miss(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	unsigned int best = tolerance(strlen(word)) + 1;

	for (; words != NULL && *words != NULL; words++) {
		unsigned int d = distance(word, *words);

		if (d < best) {
			best = d;
			nearest = *words;
		}
	}
	return nearest;
}

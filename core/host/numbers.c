/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <core/graph/graph.h>
#include <core/host/numbers.h>

#define MOST SL_GRAPH_NO_HOP /* numbers: 0 to MOST - 1 */

/* A ring of those that are free, in the order of giving them out. */
struct sl_numbers {
	uint32_t head, count;
	uint16_t free[MOST];
};

struct sl_numbers *sl_numbers_new(void)
{
	struct sl_numbers *numbers = calloc(1, sizeof(*numbers));

	if (numbers == NULL)
		return NULL;
	numbers->count = MOST;
	for (uint32_t i = 0; i < MOST; i++)
		numbers->free[i] = (uint16_t)i;
	return numbers;
}

void sl_numbers_free(struct sl_numbers *numbers)
{
	free(numbers);
}

bool sl_numbers_take(struct sl_numbers *numbers, uint16_t *number)
{
	if (numbers->count == 0)
		return false;
	*number = numbers->free[numbers->head];
	numbers->head = (numbers->head + 1) % MOST;
	numbers->count--;
	return true;
}

void sl_numbers_give(struct sl_numbers *numbers, uint16_t number)
{
	numbers->free[(numbers->head + numbers->count) % MOST] = number;
	numbers->count++;
}

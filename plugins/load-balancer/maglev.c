/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4). Each backend has a permutation of the table's entries, by two hashes of
 * its name; backends take turns in claiming the next free entry of theirs. A backend that comes
 * or goes moves its own share and little else. Weights: a backend takes its turn as often as its
 * weight is of the greatest.
 */
#include "load_balancer.h"

bool sl_lb_is_prime(uint64_t number)
{
	if (number < 2)
		return false;
	for (uint64_t i = 2; i * i <= number; i++)
		if (number % i == 0)
			return false;
	return true;
}

/* The finalizer of splitmix64: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* FNV-1a, mixed: the same on every machine, so that several balancers agree. */
uint64_t sl_lb_identity(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
	return mix(hash);
}

/* Take the next entry of the member's permutation that is free. `at` is where it goes on. */
static void claim_entry(uint16_t *table, uint32_t size, const struct lb_maglev_member *member,
			uint32_t *at)
{
	uint32_t skip = (uint32_t)(mix(member->identity ^ 0x9e3779b97f4a7c15ull) % (size - 1)) + 1;

	while (table[*at] != LB_NOBODY)
		*at = *at + skip < size ? *at + skip : *at + skip - size;
	table[*at] = member->slot;
}

void sl_lb_maglev_fill(uint16_t *table, uint32_t size, const struct lb_maglev_member *members,
		       uint32_t count, uint32_t *next, uint64_t *credit)
{
	uint64_t most = 0;
	uint32_t filled = 0;

	if (size < 3)
		return;
	for (uint32_t i = 0; i < size; i++)
		table[i] = LB_NOBODY;
	for (uint32_t i = 0; i < count; i++) {
		most = RTE_MAX(most, members[i].weight);
		next[i] = (uint32_t)(mix(members[i].identity) % size);
		credit[i] = 0;
	}
	while (count > 0 && filled < size) {
		for (uint32_t i = 0; i < count && filled < size; i++) {
			credit[i] += members[i].weight;
			if (credit[i] < most)
				continue;
			credit[i] -= most;
			claim_entry(table, size, &members[i], &next[i]);
			filled++;
		}
	}
}

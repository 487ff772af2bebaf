/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include <core/flow/index.h>

struct sl_index_seed sl_index_seed;

/* SplitMix64 (Steele, Lea, Flood 2014): words that look random, from one. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void make_odd(void)
{
	sl_index_seed.low |= 1;
	sl_index_seed.high |= 1;
}

void sl_index_seed_set(uint64_t number)
{
	uint64_t words[sizeof(sl_index_seed) / 8] = {0};

	for (size_t i = 0; i < sizeof(words) / 8; i++)
		words[i] = next(&number);
	memcpy(&sl_index_seed, words, sizeof(words));
	make_odd();
}

/* What the kernel gives every process at its start: 16 random bytes, from which the rest follows.
 */
static void from_start(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT: an address by contract
	uint64_t words[sizeof(sl_index_seed) / 8], two[2];

	if (random == NULL)
		abort();
	memcpy(two, random, sizeof(two));
	for (size_t i = 0; i < sizeof(words) / 8; i++)
		words[i] = next(&two[i % 2]);
	memcpy(&sl_index_seed, words, sizeof(words));
}

/* Before main(), and so before anything is hashed: a key that changes loses what it found. */
static void __attribute__((constructor)) seed(void)
{
	size_t got = 0;

	while (got < sizeof(sl_index_seed)) {
		/* Early at boot there may be no entropy: do not wait for it. */
		ssize_t n = getrandom((uint8_t *)&sl_index_seed + got, sizeof(sl_index_seed) - got,
				      GRND_NONBLOCK);

		if (n > 0)
			got += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	if (got < sizeof(sl_index_seed))
		from_start();
	make_odd();
}

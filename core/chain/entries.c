/* SPDX-License-Identifier: BSD-3-Clause */
#include <core/chain/model.h>

static unsigned int list(const struct sl_chain *chain, unsigned int port, bool old,
			 struct sl_chain_entry *entries, unsigned int room)
{
	unsigned int count = 0;

	for (unsigned int p = 0; p < chain->path_count; p++) {
		const struct sl_chain_path *path = &chain->paths[p];
		struct sl_chain_entry entry = {.path = p, .from = SL_INSIDE};

		if ((path->part == SL_PART_OLD) != old)
			continue;
		if (path->first != port) {
			if (path->last != port || !path->both_ways)
				continue;
			entry.from = SL_OUTSIDE;
		}
		if (count < room)
			entries[count] = entry;
		count++;
	}
	return count;
}

unsigned int sl_chain_entries(const struct sl_chain *chain, unsigned int port,
			      struct sl_chain_entry *entries, unsigned int room)
{
	return list(chain, port, false, entries, room);
}

unsigned int sl_chain_old_entries(const struct sl_chain *chain, unsigned int port,
				  struct sl_chain_entry *entries, unsigned int room)
{
	return list(chain, port, true, entries, room);
}

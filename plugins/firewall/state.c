/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as records, for other code or another process. Which rule allowed one is not told: its
 * next packet asks the rules there are then, as after any change of rules. Nor are sequence numbers
 * of TCP, which move on with every packet: its next segments are believed, as those of a
 * connection taken up in mid-stream, but with the windows and scales that it had.
 */
#include <errno.h>

#include "firewall.h"

/* How many slots one slice looks at. */
#define MOST_SLOTS 1024
/* The cursor has the table above the slot in it. */
#define LANE (UINT64_C(1) << 32)

/* Integers little-endian, addresses and ports in network order. */
struct session_record {
	uint8_t family; /* 4 or 6 */
	uint8_t state;  /* enum fw_state */
	uint8_t flags;  /* enum fw_session_flag */
	uint8_t scale[2];
	uint8_t zero[3];
	uint8_t addr[2][16]; /* the low end first */
	struct fw_tail tail;
	uint64_t idle; /* ms since the last packet */
	/* By direction: what it may send at most at a time, and, of a handshake only, the end of
	 * what it has sent. */
	uint32_t window[2], end[2];
	uint64_t packets[2], bytes[2];
};

static_assert(sizeof(struct session_record) == 104, "it has no padding");

static void fill(struct session_record *r, struct sl_node *node, const struct fw_table *table,
		 uint32_t slot)
{
	const struct fw_worker *worker = node->state;
	struct fw_session *session = sl_fw_session(table, slot);
	uint64_t idle = (uint64_t)(uint32_t)(sl_fw_time(node) - session->seen) << worker->shift;
	bool v4 = table->key_size == sizeof(struct fw_key4);
	uint32_t size = v4 ? 4 : 16;

	r->family = v4 ? 4 : 6;
	r->state = session->state;
	r->flags = session->flags & (uint8_t)~FW_COUNTED;
	memcpy(r->scale, session->scale, sizeof(r->scale));
	for (unsigned int i = 0; i < 2; i++) {
		memcpy(r->addr[i], (const uint8_t *)sl_fw_key(session) + i * size, size);
		r->window[i] = session->tcp[i].max_window;
		if (session->state == FW_TCP_SYN_SENT)
			r->end[i] = session->tcp[i].end;
		if (table->counts != NULL) {
			r->packets[i] = table->counts[slot].packets[i];
			r->bytes[i] = table->counts[slot].bytes[i];
		}
	}
	r->tail = *sl_fw_tail(table, session);
	r->idle = idle / (sl_hz() / 1000);
}

/* False: no more room, or looked at enough. */
static bool tell_table(struct sl_node *node, struct fw_table *table, uint32_t *slot,
		       struct sl_export *out)
{
	uint32_t most = MOST_SLOTS;

	for (; sl_export_slot(out, table->changed, slot, table->fresh, &most); ++*slot) {
		struct session_record *r;

		if (sl_fw_session(table, *slot)->state != FW_FREE) {
			r = sl_export_record(out, sizeof(*r));
			if (r == NULL)
				return false;
			sl_fw_sync(node, table, *slot);
			fill(r, node, table, *slot);
		}
		sl_unmark(table->changed, *slot);
	}
	return *slot >= table->fresh;
}

void sl_fw_export(struct sl_node *node, struct sl_export *out)
{
	struct fw_worker *worker = node->state;
	uint32_t lane = (uint32_t)(out->cursor / LANE), slot = (uint32_t)(out->cursor % LANE);

	for (; lane < FW_LANES; lane++, slot = 0)
		if (!tell_table(node, &worker->tables[lane], &slot, out)) {
			out->cursor = lane * LANE + slot;
			return;
		}
	out->cursor = UINT64_MAX;
}

/* ---- The other way ---- */

union key {
	uint64_t words[5];
	struct fw_key4 v4;
	struct fw_key6 v6;
};

/* False: the ends do not stand in their order, or there is no such session. */
static bool read_key(const struct session_record *r, union key *key)
{
	uint16_t low = r->tail.port[0], high = r->tail.port[1];
	struct fw_tail *tail;
	unsigned int turned;

	*key = (union key){0};
	if (r->family == 4) {
		rte_be32_t addr[2];

		memcpy(&addr[0], r->addr[0], 4);
		memcpy(&addr[1], r->addr[1], 4);
		turned = sl_fw_order4(&key->v4, addr[0], addr[1], low, high);
		tail = &key->v4.tail;
	} else {
		turned = sl_fw_order6(&key->v6, r->addr[0], r->addr[1], low, high);
		tail = &key->v6.tail;
	}
	tail->proto = r->tail.proto;
	tail->kind = r->tail.kind;
	tail->vlan = r->tail.vlan;
	return turned == 0 && tail->vlan < 4096;
}

static bool sound(const struct session_record *r)
{
	uint8_t icmp = r->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	bool tcp = r->state >= FW_TCP_SYN_SENT && r->state <= FW_TCP_CLOSED;

	if ((r->family != 4 && r->family != 6) || r->state == FW_FREE ||
	    r->state >= FW_STATE_COUNT || r->scale[0] > 14 || r->scale[1] > 14)
		return false;
	if (r->tail.proto == IPPROTO_TCP || tcp)
		return r->tail.proto == IPPROTO_TCP && tcp;
	if (r->tail.proto == IPPROTO_UDP)
		return r->state == FW_UDP_NEW || r->state == FW_UDP_STREAM;
	return r->state == (r->tail.proto == icmp ? FW_ICMP_QUERY : FW_GENERIC);
}

static void set_tcp(struct fw_session *session, const struct session_record *r)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct fw_tcp_end *end = &session->tcp[i];

		if (session->state == FW_TCP_SYN_SENT)
			*end = (struct fw_tcp_end){r->end[i], r->end[i], r->window[i]};
		else
			*end = (struct fw_tcp_end){.limit = RTE_MIN(r->window[i], 1u << 30)};
	}
}

static bool comes_here(const struct sl_node *node, const struct session_record *r)
{
	unsigned int opener = r->flags & FW_FROM_HIGH ? 1 : 0;
	unsigned int inside = r->flags & FW_OUTSIDE ? 1 - opener : opener;
	struct sl_ends ends = {
		.family = r->family == 4 ? SL_L3_IPV4 : SL_L3_IPV6,
		.proto = r->tail.proto,
		.inside_port = r->tail.port[inside],
		.outside_port = r->tail.port[1 - inside],
	};

	memcpy(ends.inside, r->addr[inside], 16);
	memcpy(ends.outside, r->addr[1 - inside], 16);
	return sl_comes_here(node, &ends);
}

int sl_fw_import(struct sl_node *node, uint32_t version, const void *record, uint32_t size,
		 struct sl_errors *errors)
{
	struct fw_instance *firewall = node->data;
	struct fw_worker *worker = node->state;
	const struct fw_policy *policy =
		atomic_load_explicit(&firewall->policy, memory_order_acquire);
	const struct session_record *r = record;
	uint32_t slot, hash, seen;
	struct fw_session *session;
	struct fw_table *table;
	union key key;

	if (version != FW_STATE_VERSION || size != sizeof(*r) || !sound(r) || !read_key(r, &key))
		return -EPROTO;
	if (!comes_here(node, r))
		return SL_IMPORT_ELSEWHERE;
	table = &worker->tables[r->family == 4 ? FW_LANE4 : FW_LANE6];
	hash = sl_index_hash(&key, table->key_size);
	slot = sl_index_find(table->index, &key, hash);
	if (slot != SL_NO_SLOT)
		sl_fw_table_remove(node, table, slot);
	slot = sl_fw_table_add(table, &key, hash, sl_fw_time(node), policy->timeouts[r->state]);
	if (slot == SL_NO_SLOT)
		return sl_fail(errors, ENOSPC, "%s: no room for a session that it had",
			       sl_instance_name(node->instance));
	sl_anchor_cut(node, &table->drops[hash % FW_DROPS]); /* it claims what was dropped */
	seen = (uint32_t)(sl_ago(node, r->idle) >> worker->shift);
	session = sl_fw_session(table, slot);
	session->state = r->state;
	session->epoch = policy->epoch - 1; /* the rules are asked */
	session->flags = r->flags & (uint8_t) ~(FW_COUNTED | FW_REPLIED);
	memcpy(session->scale, r->scale, sizeof(session->scale));
	if (r->flags & FW_REPLIED)
		sl_fw_table_replied(table, slot);
	if (r->tail.proto == IPPROTO_TCP)
		set_tcp(session, r);
	if (table->sources != NULL)
		sl_fw_source_take(table, slot, policy->config->per_source);
	for (unsigned int i = 0; i < 2 && table->counts != NULL; i++) {
		table->counts[slot].packets[i] = r->packets[i];
		table->counts[slot].bytes[i] = r->bytes[i];
	}
	session->seen = seen;
	sl_fw_table_rearm(table, slot, seen, policy->timeouts[session->state]);
	return SL_IMPORT_TAKEN;
}

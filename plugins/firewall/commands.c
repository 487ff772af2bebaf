/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may ask: rules, sessions, a summary, and to clear sessions; and events. */
#include "firewall.h"

static const char *const verdicts[] = {
	[FW_ALLOW] = "allow", [FW_DROP] = "drop", [FW_REJECT_IT] = "reject"};
static const char *const states[FW_STATE_COUNT] = {
	[FW_TCP_SYN_SENT] = "syn-sent",
	[FW_TCP_SYN_RECEIVED] = "syn-received",
	[FW_TCP_ESTABLISHED] = "established",
	[FW_TCP_FIN_WAIT] = "fin-wait",
	[FW_TCP_LAST_ACK] = "last-ack",
	[FW_TCP_TIME_WAIT] = "time-wait",
	[FW_TCP_CLOSED] = "closed",
	[FW_UDP_NEW] = "new",
	[FW_UDP_STREAM] = "stream",
	[FW_ICMP_QUERY] = "query",
	[FW_GENERIC] = "generic",
};

/* ---- rules ---- */

static int show_rules(struct sl_instance *instance, const void *args, struct sl_json *out,
		      struct sl_errors *errors)
{
	struct fw_instance *firewall = sl_instance_data(instance);
	const struct fw_policy *policy = atomic_load(&firewall->policy);
	struct sl_json *rules = sl_json_array(out, "rules");

	for (uint32_t i = 0; i <= policy->count; i++) {
		struct sl_json *row = sl_json_object(rules, NULL);
		struct fw_rule_count sum = {0};

		for (uint32_t w = 0; w < policy->workers; w++) {
			const struct fw_rule_count *count =
				&policy->counts[(size_t)policy->stride * w + i];

			sum.packets += sl_tally_read(&count->packets);
			sum.bytes += sl_tally_read(&count->bytes);
			sum.sessions += sl_tally_read(&count->sessions);
		}
		if (i < policy->count)
			sl_json_int(row, "rule", i + 1);
		else
			sl_json_text(row, "rule", "default");
		sl_json_text(row, "verdict", verdicts[policy->actions[i].verdict]);
		sl_json_int(row, "packets", (int64_t)sum.packets);
		sl_json_int(row, "bytes", (int64_t)sum.bytes);
		sl_json_int(row, "sessions", (int64_t)sum.sessions);
	}
	return 0;
}

/* ---- sessions and clear ---- */

struct filter {
	uint64_t given;
	struct sl_prefix address;
	uint32_t proto;
};

enum { GIVEN_ADDRESS = 1 << 0, GIVEN_PROTO = 1 << 1 };

static const struct sl_param filter_params[] = {
	{.name = "address",
	 .kind = SL_PREFIX,
	 .offset = offsetof(struct filter, address),
	 .doc = "only sessions with an end in this prefix"},
	{.name = "proto",
	 .kind = SL_PROTO,
	 .offset = offsetof(struct filter, proto),
	 .doc = "only sessions of this IP protocol"},
	{.name = NULL},
};

struct record {
	struct sl_addr from, to; /* the opener first */
	uint16_t sport, dport;
	uint16_t vlan;
	uint16_t worker;
	uint8_t proto, state, replied, outside;
	uint32_t rule;
	uint64_t idle_ms;
	bool counted;
	struct fw_count count;
};

static void fill_record(const struct fw_table *table, struct fw_session *session,
			struct record *record)
{
	const struct fw_tail *tail = sl_fw_tail(table, session);
	unsigned int opener = session->flags & FW_FROM_HIGH ? 1 : 0;

	memset(record, 0, sizeof(*record));
	if (table->key_size == sizeof(struct fw_key4)) {
		const struct fw_key4 *key = sl_fw_key(session);

		record->from.family = record->to.family = SL_FAMILY_IPV4;
		record->from.v4 = key->addr[opener];
		record->to.v4 = key->addr[!opener];
	} else {
		const struct fw_key6 *key = sl_fw_key(session);

		record->from.family = record->to.family = SL_FAMILY_IPV6;
		memcpy(record->from.bytes, key->addr[opener], 16);
		memcpy(record->to.bytes, key->addr[!opener], 16);
	}
	record->sport = rte_be_to_cpu_16(tail->port[opener]);
	record->dport = rte_be_to_cpu_16(tail->port[!opener]);
	record->vlan = tail->vlan;
	record->proto = tail->proto;
	record->state = session->state;
	record->replied = !!(session->flags & FW_REPLIED);
	record->outside = !!(session->flags & FW_OUTSIDE);
	record->rule = session->rule;
}

static bool passes(const struct filter *filter, const struct record *record)
{
	if (filter->given & GIVEN_PROTO && filter->proto != SL_PROTO_ANY &&
	    filter->proto != record->proto)
		return false;
	return !(filter->given & GIVEN_ADDRESS) || filter->address.addr.family == SL_FAMILY_ANY ||
	       sl_prefix_contains(&filter->address, &record->from) ||
	       sl_prefix_contains(&filter->address, &record->to);
}

/* The cursor counts slots, those of IPv6 after those of IPv4. Slots that were never used are
 * not looked at. */
static struct fw_session *next_session(struct fw_worker *worker, uint64_t *cursor,
				       struct fw_table **table, uint32_t *slot)
{
	uint64_t at = *cursor;

	for (unsigned int lane = 0; lane < FW_LANES; lane++) {
		*table = &worker->tables[lane];
		if (at < (*table)->fresh) {
			*slot = (uint32_t)at;
			++*cursor;
			return sl_fw_session(*table, *slot);
		}
		if (at < (*table)->capacity) { /* on to the next table */
			*cursor += (*table)->capacity - at;
			at = (*table)->capacity;
		}
		at -= (*table)->capacity;
	}
	*cursor = UINT64_MAX;
	return NULL;
}

/* Slots visited in one call: packets are waiting. */
#define SLICE 256

static const struct filter *filter_of(const void *args)
{
	static const struct filter all;

	return args != NULL ? args : &all;
}

static uint32_t collect_sessions(struct sl_node *node, const void *args, uint64_t *cursor,
				 void *records, uint32_t room)
{
	const struct filter *filter = filter_of(args);
	struct fw_worker *worker = node->state;
	struct record *out = records;
	uint32_t n = 0, slot;
	struct fw_table *table;

	for (int visits = 0; visits < SLICE && n < room; visits++) {
		struct fw_session *session = next_session(worker, cursor, &table, &slot);

		if (session == NULL)
			break;
		if (session->state == FW_FREE)
			continue;
		fill_record(table, session, &out[n]);
		if (!passes(filter, &out[n]))
			continue;
		sl_fw_sync(node, table, slot);
		out[n].worker = node->worker;
		out[n].idle_ms = ((uint64_t)(sl_fw_time(node) - session->seen) << worker->shift) *
				 1000 / sl_hz();
		if (table->counts != NULL) {
			out[n].counted = true;
			out[n].count = table->counts[slot];
		}
		n++;
	}
	return n;
}

static void render_session(struct sl_instance *instance, const void *data, struct sl_json *out)
{
	const struct record *record = data;
	unsigned int opener = sl_addr_compare(&record->from, &record->to) > 0 ||
			      (sl_addr_compare(&record->from, &record->to) == 0 &&
			       rte_cpu_to_be_16(record->sport) > rte_cpu_to_be_16(record->dport));

	sl_json_int(out, "proto", record->proto);
	sl_json_addr(out, "from", &record->from);
	sl_json_int(out, "sport", record->sport);
	sl_json_addr(out, "to", &record->to);
	sl_json_int(out, "dport", record->dport);
	if (record->vlan != 0)
		sl_json_int(out, "vlan", record->vlan);
	sl_json_text(out, "state", states[record->state]);
	sl_json_bool(out, "replied", record->replied);
	sl_json_text(out, "opened", record->outside ? "outside" : "inside");
	sl_json_int(out, "rule", record->rule + 1);
	sl_json_int(out, "idle-ms", (int64_t)record->idle_ms);
	sl_json_int(out, "worker", record->worker);
	if (record->counted) {
		sl_json_int(out, "packets", (int64_t)record->count.packets[opener]);
		sl_json_int(out, "bytes", (int64_t)record->count.bytes[opener]);
		sl_json_int(out, "reply-packets", (int64_t)record->count.packets[!opener]);
		sl_json_int(out, "reply-bytes", (int64_t)record->count.bytes[!opener]);
	}
}

struct cleared {
	uint64_t sessions;
	uint16_t worker;
};

/* One record a slice, with how many it ended; slices that ended none say nothing. */
static uint32_t collect_clear(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	const struct filter *filter = filter_of(args);
	struct fw_worker *worker = node->state;
	struct cleared *out = records;
	struct fw_table *table;
	uint64_t ended = 0;
	uint32_t slot;

	for (int visits = 0; visits < SLICE && room > 0; visits++) {
		struct fw_session *session = next_session(worker, cursor, &table, &slot);
		struct record record;

		if (session == NULL)
			break;
		if (session->state == FW_FREE)
			continue;
		fill_record(table, session, &record);
		if (!passes(filter, &record))
			continue;
		sl_fw_table_remove(node, table, slot);
		ended++;
	}
	sl_count(node, FW_CLEARED, ended);
	if (ended == 0)
		return 0;
	*out = (struct cleared){.sessions = ended, .worker = node->worker};
	return 1;
}

static void render_cleared(struct sl_instance *instance, const void *data, struct sl_json *out)
{
	const struct cleared *cleared = data;

	sl_json_int(out, "cleared", (int64_t)cleared->sessions);
	sl_json_int(out, "worker", cleared->worker);
}

/* ---- summary ---- */

static int show_summary(struct sl_instance *instance, const void *args, struct sl_json *out,
			struct sl_errors *errors)
{
	const struct fw_instance *firewall = sl_instance_data(instance);
	uint64_t used[FW_LANES] = {0}, capacity[FW_LANES] = {0};

	for (uint32_t w = 0; w < sl_instance_workers(instance); w++) {
		const struct fw_worker *worker = sl_instance_state(instance, w);

		for (unsigned int lane = 0; worker != NULL && lane < FW_LANES; lane++) {
			used[lane] += __atomic_load_n(&worker->tables[lane].used, __ATOMIC_RELAXED);
			capacity[lane] += worker->tables[lane].capacity;
		}
	}
	sl_json_int(out, "sessions", (int64_t)used[FW_LANE4]);
	sl_json_int(out, "sessions-most", (int64_t)capacity[FW_LANE4]);
	sl_json_int(out, "sessions-ipv6", (int64_t)used[FW_LANE6]);
	sl_json_int(out, "sessions-ipv6-most", (int64_t)capacity[FW_LANE6]);
	sl_json_int(out, "rules", atomic_load(&firewall->policy)->count);
	return 0;
}

const struct sl_command sl_fw_commands[] = {
	{.name = "rules",
	 .doc = "packets, bytes and sessions of each rule since it was configured",
	 .show = show_rules},
	{.name = "sessions",
	 .doc = "the sessions that are open",
	 .args = filter_params,
	 .args_size = sizeof(struct filter),
	 .record_size = sizeof(struct record),
	 .collect = collect_sessions,
	 .render = render_session},
	{.name = "clear",
	 .doc = "end sessions, all or those named",
	 .changes = true,
	 .args = filter_params,
	 .args_size = sizeof(struct filter),
	 .record_size = sizeof(struct cleared),
	 .collect = collect_clear,
	 .render = render_cleared},
	{.name = "summary", .doc = "how full the session tables are", .show = show_summary},
	{.name = NULL},
};

/* ---- Events ---- */

void sl_fw_log_fill(struct fw_log *log, const struct rte_mbuf *m, uint8_t side, uint32_t rule)
{
	const struct sl_packet *p = sl_packet(m);

	memset(log, 0, sizeof(*log));
	sl_packet_addrs(m, &log->from, &log->to);
	log->proto = p->proto;
	log->side = side;
	log->vlan = p->flags & SL_PKT_VLAN ? p->vlan & 0xfff : 0;
	log->rule = rule;
	if (sl_has_ports(m)) {
		log->sport = rte_be_to_cpu_16(sl_udp(m)->src_port);
		log->dport = rte_be_to_cpu_16(sl_udp(m)->dst_port);
	} else if (p->l4 != 0 && (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)) {
		log->sport = sl_icmp(m)->icmp_type;
		log->dport = sl_icmp(m)->icmp_code;
	}
}

void sl_fw_render_event(struct sl_instance *instance, uint32_t event, const void *data,
			struct sl_json *out)
{
	const struct fw_log *log = data;
	bool icmp = log->proto == IPPROTO_ICMP || log->proto == IPPROTO_ICMPV6;

	if (log->rule > 0)
		sl_json_int(out, "rule", log->rule);
	else
		sl_json_text(out, "rule", "default");
	sl_json_text(out, "side", log->side == SL_OUTSIDE ? "outside" : "inside");
	if (log->from.family != SL_FAMILY_ANY) {
		sl_json_int(out, "proto", log->proto);
		sl_json_addr(out, "from", &log->from);
		sl_json_addr(out, "to", &log->to);
		sl_json_int(out, icmp ? "icmp-type" : "sport", log->sport);
		sl_json_int(out, icmp ? "icmp-code" : "dport", log->dport);
	}
	if (log->vlan != 0)
		sl_json_int(out, "vlan", log->vlan);
}

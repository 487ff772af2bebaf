/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `flow:limit`: a token bucket for each direction of a session, as RFC 2697 has it without an
 * excess burst. It is told by one time, when it was empty: since then tokens have come, as many as
 * fit. A packet that takes some makes that time later. So a session keeps what it has used when the
 * script gives it another rate, and when its connection begins anew.
 */
#include <sluice/ip.h>

#include "script.h"

/* Bits of time below a tick. */
#define TIME_SHIFT 8

/* A bucket that takes longer to fill is a mistake. */
#define LONGEST_S 86400.0

bool sl_limit_set(struct script_machine *machine, double rate, double burst, bool packets)
{
	double second = (double)sl_hz() * (1 << TIME_SHIFT);
	double each = second * (packets ? 1 : 8) / rate;

	if (!(burst * each <= LONGEST_S * second))
		return false;
	machine->limit = (struct policy_limit){
		.each = each,
		.full = (uint64_t)(burst * each),
		.packets = packets,
	};
	return true;
}

double sl_limit_rate(const struct policy_session *session)
{
	double second = (double)sl_hz() * (1 << TIME_SHIFT);

	return second * (session->limits_packets ? 1 : 8) / session->each;
}

void sl_limit_begin(struct policy_session *session, const struct policy_limit *limit, uint64_t now)
{
	if (!(session->each > 0))
		session->empty[0] = session->empty[1] = (now << TIME_SHIFT) - limit->full;
	session->each = limit->each;
	session->full = limit->full;
	session->limits_packets = limit->packets;
}

bool sl_limit_take(struct policy_session *session, unsigned int sender, const struct rte_mbuf *m,
		   uint64_t now, bool commit)
{
	uint32_t tokens = session->limits_packets ? 1 : sl_ip_length(m);
	uint64_t cost = (uint64_t)(tokens * session->each);
	uint64_t time = now << TIME_SHIFT;
	uint64_t has = RTE_MIN(time - session->empty[sender], session->full);

	if (has < cost)
		return false;
	if (commit)
		session->empty[sender] = time - has + cost;
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP (RFC 9293) as someone in the middle sees it. For each sender we keep the end of what it
 * sent, the limit of what it may send (what the peer acknowledged plus the window it gave), and
 * the greatest window that it announced itself. A segment is in the window when (Guido van
 * Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001)
 *
 *   I.   it starts at or before the limit:           seq <= limit
 *   II.  it ends not before what the peer may want:  end >= sent - peer's greatest window
 *   III. it acknowledges nothing that was not sent:  ack <= peer's end
 *   IV.  nor what was acknowledged long ago:         ack >= peer's end - own greatest window
 *
 * with one sequence number of slack for a FIN or a probe of a zero window.
 */
#include "firewall.h"

#define FIN RTE_TCP_FIN_FLAG
#define SYN RTE_TCP_SYN_FLAG
#define RST RTE_TCP_RST_FLAG
#define ACK RTE_TCP_ACK_FLAG

/* Acknowledgements may lag behind by this much, however small the windows were. */
#define LEAST_LAG 66000u

/* a comes after b (RFC 9293, 3.4: modulo 2^32). */
static inline bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* Sequence numbers of a segment, and what it announces. */
struct segment {
	uint32_t seq, end, ack;
	uint32_t window; /* scaled */
	uint8_t flags;
};

bool sl_fw_tcp_flags_valid(uint8_t flags)
{
	switch (flags & (FIN | SYN | RST | ACK)) {
	case SYN:
	case SYN | ACK:
	case RST:
	case RST | ACK:
	case FIN | ACK:
	case ACK:
		return true;
	default:
		return false;
	}
}

/* Bytes of payload by the IP header: the frame may be padded. */
static uint32_t payload_length(const struct rte_mbuf *m)
{
	const struct sl_packet *p = sl_packet(m);
	uint32_t end = p->family == SL_L3_IPV4 ? p->l3 + rte_be_to_cpu_16(sl_ipv4(m)->total_length)
					       : p->l3 + sizeof(struct rte_ipv6_hdr) +
							 rte_be_to_cpu_16(sl_ipv6(m)->payload_len);

	return end > p->payload ? end - p->payload : 0;
}

static struct segment read_segment(const struct rte_mbuf *m, uint8_t shift)
{
	const struct rte_tcp_hdr *tcp = sl_tcp(m);
	struct segment s = {
		.seq = rte_be_to_cpu_32(tcp->sent_seq),
		.ack = rte_be_to_cpu_32(tcp->recv_ack),
		.flags = sl_packet(m)->tcp_flags,
	};

	s.end = s.seq + payload_length(m) + !!(s.flags & SYN) + !!(s.flags & FIN);
	/* The window of a SYN is never scaled (RFC 7323, 2.2). */
	s.window = (uint32_t)rte_be_to_cpu_16(tcp->rx_win) << (s.flags & SYN ? 0 : shift);
	return s;
}

/* The window scale option of a SYN (RFC 7323), or -1. The parser made sure that the whole TCP
 * header can be read. */
static int window_scale(const struct rte_mbuf *m)
{
	const uint8_t *option = (const uint8_t *)(sl_tcp(m) + 1);
	const uint8_t *end = rte_pktmbuf_mtod_offset(m, const uint8_t *, sl_packet(m)->payload);

	while (option < end && *option != 0) {
		if (*option == 1) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return -1;
		if (option[0] == 3 && option[1] == 3)
			return RTE_MIN(option[2], 14);
		option += option[1];
	}
	return -1;
}

static void start_sender(struct fw_session *session, const struct rte_mbuf *m,
			 const struct segment *s, unsigned int direction)
{
	struct fw_tcp_end *sender = &session->tcp[direction];
	int scale = window_scale(m);

	sender->end = s->end;
	sender->limit = s->end;
	sender->max_window = RTE_MAX(s->window, 1u);
	session->scale[direction] = (uint8_t)RTE_MAX(scale, 0);
	/* Both must offer it; the second SYN decides. */
	if (s->flags & ACK) {
		if (scale < 0 || !(session->flags & FW_SCALED))
			session->flags &= (uint8_t)~FW_SCALED;
	} else if (scale >= 0) {
		session->flags |= FW_SCALED;
	} else {
		session->flags &= (uint8_t)~FW_SCALED;
	}
	if (s->flags & ACK && !(session->flags & FW_SCALED))
		session->scale[0] = session->scale[1] = 0;
}

void sl_fw_tcp_open(struct fw_session *session, const struct rte_mbuf *m, unsigned int direction)
{
	struct segment s = read_segment(m, 0);

	if (s.flags & SYN) {
		session->state = FW_TCP_SYN_SENT;
		start_sender(session, m, &s, direction);
		return;
	}
	/* In mid-stream the scales are unknown: take the greatest, so that windows are rather too
	 * wide. */
	session->state = s.flags & RST ? FW_TCP_CLOSED : FW_TCP_ESTABLISHED;
	session->scale[0] = session->scale[1] = 14;
	s.window <<= 14;
	session->tcp[direction] = (struct fw_tcp_end){
		.end = s.end, .limit = s.end + s.window, .max_window = RTE_MAX(s.window, 1u)};
	session->tcp[!direction] = (struct fw_tcp_end){.end = s.ack, .limit = s.ack + s.window};
	if (s.flags & FIN) {
		session->state = FW_TCP_FIN_WAIT;
		session->flags |= direction ? FW_FIN_HIGH : FW_FIN_LOW;
	}
}

bool sl_fw_tcp_in_flight(const struct fw_session *session, uint32_t seq, unsigned int direction)
{
	const struct fw_tcp_end *sender = &session->tcp[direction];
	const struct fw_tcp_end *peer = &session->tcp[!direction];
	uint32_t window = RTE_MAX(peer->max_window, LEAST_LAG);

	return !after(seq, sender->end) && after(seq, sender->end - window - 1);
}

static bool in_window(const struct fw_tcp_end *sender, const struct fw_tcp_end *peer,
		      const struct segment *s)
{
	uint32_t lag = RTE_MAX(sender->max_window, LEAST_LAG);

	return !after(s->seq, sender->limit + 1) &&
	       after(s->end, sender->end - peer->max_window - 1) && !after(s->ack, peer->end + 1) &&
	       after(s->ack, peer->end - lag - 1);
}

/* Take note of a segment that is let through. */
static void advance(struct fw_tcp_end *sender, struct fw_tcp_end *peer, const struct segment *s)
{
	if (sender->max_window < s->window)
		sender->max_window = s->window;
	if (after(s->end, sender->end))
		sender->end = s->end;
	/* It went beyond the limit by what the slack gives: a probe of a zero window. */
	if (after(s->end, sender->limit) && peer->max_window != 0)
		peer->max_window += s->end - sender->limit;
	if (!(s->flags & ACK))
		return;
	if (after(s->ack + s->window, peer->limit))
		peer->limit = s->ack + s->window;
	if (s->window == 0 && s->ack == peer->limit)
		peer->limit++;
}

/* The first segment since the session came from other code: it is believed, and what it says with
 * the windows that there were is where both ends stand. */
static void take_up(struct fw_tcp_end *sender, struct fw_tcp_end *peer, const struct segment *s)
{
	uint32_t own = RTE_MAX(s->window, sender->limit), other = peer->limit;

	*sender = (struct fw_tcp_end){.end = s->end,
				      .limit = s->end + RTE_MAX(own, other),
				      .max_window = RTE_MAX(own, 1u)};
	*peer = (struct fw_tcp_end){.end = s->ack, .limit = s->ack + own};
}

static uint8_t fin_bit(unsigned int direction)
{
	return direction ? FW_FIN_HIGH : FW_FIN_LOW;
}

/* A segment before both SYNs were seen. */
static unsigned int track_syn_sent(struct fw_session *session, const struct rte_mbuf *m,
				   const struct segment *s, unsigned int direction)
{
	bool reply = direction != (session->flags & FW_FROM_HIGH ? 1u : 0u);
	struct fw_tcp_end *peer = &session->tcp[!direction];

	switch (s->flags & (SYN | ACK | RST | FIN)) {
	case SYN: /* again, perhaps as a new attempt; or both at once (RFC 9293, 3.5) */
		start_sender(session, m, s, direction);
		return FW_TRACK_PASS;
	case SYN | ACK:
		if (peer->max_window == 0 || s->ack != peer->end)
			return peer->max_window == 0 ? FW_BAD_STATE : FW_BAD_WINDOW;
		start_sender(session, m, s, direction);
		/* The opener's SYN announced a window, so data may follow at once (RFC 7413). */
		session->tcp[direction].limit += peer->max_window;
		peer->limit = s->ack + s->window;
		session->state = FW_TCP_SYN_RECEIVED;
		return FW_TRACK_PASS;
	case RST | ACK:
		if (!reply)
			break;
		if (s->ack != peer->end)
			return FW_BAD_WINDOW;
		session->state = FW_TCP_CLOSED;
		return FW_TRACK_PASS;
	case RST: /* its opener gives up; or the answer to a half-open connection's ACK */
		if (!reply)
			session->state = FW_TCP_CLOSED;
		return reply ? FW_BAD_STATE : FW_TRACK_PASS;
	case ACK: /* the peer has an older connection: the opener will reset it (3.5.1) */
		return reply ? FW_TRACK_PASS : FW_BAD_STATE;
	default:
		break;
	}
	return FW_BAD_STATE;
}

/* The state after a segment in the window. */
static void change_state(struct fw_session *session, const struct segment *s,
			 unsigned int direction)
{
	const uint8_t both = FW_FIN_LOW | FW_FIN_HIGH;

	if (s->flags & RST) {
		/* Hosts only believe one at exactly the next byte (RFC 5961, 3). Elsewhere in the
		 * window, whether it was believed will show. */
		session->state = FW_TCP_CLOSED;
		session->flags &= (uint8_t)~FW_SOFT_RESET;
		if (s->seq != session->tcp[direction].end)
			session->flags |= FW_SOFT_RESET;
		return;
	}
	if (session->state == FW_TCP_CLOSED) {
		if (!(session->flags & FW_SOFT_RESET))
			return;
		session->flags &= (uint8_t)~FW_SOFT_RESET;
		session->state = (session->flags & both) == both ? FW_TCP_LAST_ACK
				 : session->flags & both         ? FW_TCP_FIN_WAIT
								 : FW_TCP_ESTABLISHED;
	}
	if (session->state == FW_TCP_SYN_RECEIVED &&
	    direction == (session->flags & FW_FROM_HIGH ? 1u : 0u))
		session->state = FW_TCP_ESTABLISHED;
	if (s->flags & FIN) {
		session->flags |= fin_bit(direction);
		session->state =
			(session->flags & both) == both ? FW_TCP_LAST_ACK : FW_TCP_FIN_WAIT;
		return;
	}
	/* All that both sent, FINs included, is acknowledged when the later FIN is. */
	if (session->state == FW_TCP_LAST_ACK && s->ack == session->tcp[!direction].end)
		session->state = FW_TCP_TIME_WAIT;
}

bool sl_fw_tcp_steady(struct fw_session *session, const struct rte_mbuf *m, unsigned int direction,
		      bool check_window, bool commit)
{
	struct fw_tcp_end *sender = &session->tcp[direction];
	struct fw_tcp_end *peer = &session->tcp[!direction];
	struct segment s = read_segment(m, session->scale[direction]);

	if (session->state != FW_TCP_ESTABLISHED || sender->max_window == 0 ||
	    (s.flags & (FIN | SYN | RST | ACK)) != ACK)
		return false;
	if (check_window && !in_window(sender, peer, &s))
		return false;
	if (commit)
		advance(sender, peer, &s);
	return true;
}

unsigned int sl_fw_tcp_track(struct fw_session *session, const struct rte_mbuf *m,
			     unsigned int direction, bool check_window)
{
	struct fw_tcp_end *sender = &session->tcp[direction];
	struct fw_tcp_end *peer = &session->tcp[!direction];
	struct segment s = read_segment(m, session->scale[direction]);

	if (unlikely(!sl_fw_tcp_flags_valid(s.flags)))
		return FW_BAD_FLAGS;
	if (unlikely(session->state == FW_TCP_SYN_SENT))
		return track_syn_sent(session, m, &s, direction);
	if (unlikely(s.flags & SYN)) {
		if (!(s.flags & ACK) && session->state >= FW_TCP_TIME_WAIT)
			return FW_TRACK_REOPEN;
		/* Repeated, or of a peer that lost its memory: it gets an ACK for an answer
		 * (RFC 9293, 3.10.7.4) and nothing changes. */
		return FW_TRACK_PASS;
	}
	if (!(s.flags & ACK))
		s.ack = peer->end; /* a bare RST */
	if (unlikely(sender->max_window == 0 && peer->max_window == 0)) {
		take_up(sender, peer, &s);
	} else if (unlikely(sender->max_window == 0)) {
		/* Taken up in mid-stream: its first segment. */
		sender->max_window = RTE_MAX(s.window, 1u);
		if (after(s.ack, peer->end))
			peer->end = s.ack; /* the other's was sent once more */
	} else if (check_window && unlikely(!in_window(sender, peer, &s))) {
		return FW_BAD_WINDOW;
	}
	advance(sender, peer, &s);
	if (unlikely(session->state != FW_TCP_ESTABLISHED || s.flags & (RST | FIN)))
		change_state(session, &s, direction);
	return FW_TRACK_PASS;
}

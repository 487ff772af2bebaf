/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers that are split over segments: moved into the first one. */
#include <string.h>

#include <core/packet/gather.h>

/* Give the first segment room for `more` bytes after its data, by moving the data forward. */
static bool make_room(struct rte_mbuf *m, uint32_t more)
{
	char *data = rte_pktmbuf_mtod(m, char *);

	if (more <= rte_pktmbuf_tailroom(m))
		return true;
	if (more > (uint32_t)rte_pktmbuf_tailroom(m) + m->data_off)
		return false;
	/* Keep what headroom can be kept: tunnels push headers there. */
	m->data_off -= RTE_ALIGN_CEIL(more - rte_pktmbuf_tailroom(m), 2) <= m->data_off
			       ? RTE_ALIGN_CEIL(more - rte_pktmbuf_tailroom(m), 2)
			       : m->data_off;
	memmove(rte_pktmbuf_mtod(m, char *), data, m->data_len);
	return true;
}

/* Whether the bytes and the description of the segment are this packet's alone. */
static bool is_own(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && !RTE_MBUF_CLONED(m);
}

bool sl_packet_gather_slow(struct rte_mbuf *m, uint32_t upto)
{
	if (upto > m->pkt_len || upto > UINT16_MAX || !is_own(m))
		return false;
	for (const struct rte_mbuf *s = m->next; s; s = s->next)
		if (rte_mbuf_refcnt_read(s) != 1)
			return false;
	if (!make_room(m, upto - m->data_len))
		return false;
	while (m->data_len < upto) {
		struct rte_mbuf *next = m->next;
		uint16_t part;

		if (!next)
			return false; /* pkt_len was not the sum of its segments */
		part = RTE_MIN((uint32_t)next->data_len, upto - m->data_len);
		memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len),
		       rte_pktmbuf_mtod(next, char *), part);
		m->data_len += part;
		next->data_off += part;
		next->data_len -= part;
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			next->next = NULL;
			next->nb_segs = 1;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}

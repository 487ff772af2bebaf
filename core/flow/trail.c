/* SPDX-License-Identifier: BSD-3-Clause */
#include <sluice/trail.h>

struct sl_trail *sl_trail_get(struct sl_node *node, const struct rte_mbuf *m)
{
	(void)node, (void)m;
	return NULL;
}
void sl_trail_pass(struct sl_trail *trail)
{
	(void)trail;
}
void sl_trail_refuse(struct sl_trail *trail)
{
	(void)trail;
}
void sl_trail_set(struct sl_trail *trail, enum sl_field field, const void *value)
{
	(void)trail, (void)field, (void)value;
}
void sl_trail_ttl(struct sl_trail *trail)
{
	(void)trail;
}
void sl_trail_ttl_least(struct sl_trail *trail, uint8_t least)
{
	(void)trail, (void)least;
}
void sl_trail_limit(struct sl_trail *trail, uint32_t most)
{
	(void)trail, (void)most;
}
void sl_trail_push(struct sl_trail *trail, const struct sl_push *push)
{
	(void)trail, (void)push;
}
void sl_trail_pop(struct sl_trail *trail, enum sl_push_at at, uint16_t length, uint16_t ethertype)
{
	(void)trail, (void)at, (void)length, (void)ethertype;
}
void sl_trail_count(struct sl_trail *trail, uint64_t *packets, uint64_t *bytes)
{
	(void)trail, (void)packets, (void)bytes;
}
void sl_trail_session(struct sl_trail *trail, struct sl_anchor *anchor, uint64_t handle)
{
	(void)trail, (void)anchor, (void)handle;
}
void sl_trail_guard(struct sl_trail *trail)
{
	(void)trail;
}
void sl_anchor_sync(struct sl_node *node, struct sl_anchor *anchor)
{
	(void)node, (void)anchor;
}
void sl_anchor_cut(struct sl_node *node, struct sl_anchor *anchor)
{
	(void)node, (void)anchor;
}
void sl_unfuse(struct sl_instance *instance)
{
	(void)instance;
}

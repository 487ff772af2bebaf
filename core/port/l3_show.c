/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator sees of a port with addresses. */
#include <stdio.h>

#include <core/port/l3_state.h>

static void show_addresses(const struct sl_own *own, uint32_t count, struct sl_json *list)
{
	char text[SL_ADDR_TEXT];

	for (uint32_t i = 0; i < count; i++)
		sl_json_text(list, NULL, sl_prefix_format(&own[i].prefix, text));
}

static void show_routes(const struct sl_l3_port *l3, const struct sl_routes *routes,
			struct sl_json *list)
{
	char text[SL_ADDR_TEXT];

	for (uint32_t i = 0; i < routes->count; i++) {
		const struct sl_route *route = &routes->list[i];
		const struct sl_nexthop *nexthop = &l3->nexthops[route->nexthop];
		struct sl_json *out;

		if (nexthop->kind != SL_NEXTHOP_LINK && nexthop->kind != SL_NEXTHOP_GATEWAY)
			continue;
		out = sl_json_object(list, NULL);
		sl_json_text(out, "to", sl_prefix_format(&route->prefix, text));
		if (nexthop->kind == SL_NEXTHOP_GATEWAY)
			sl_json_addr(out, "via", &nexthop->gateway);
	}
}

static void show_neighbour(const struct sl_l3_port *l3, const struct sl_neighbour *neighbour,
			   struct sl_json *out)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	sl_json_addr(out, "address", &neighbour->addr);
	sl_json_text(out, "state", sl_neighbour_state_name(neighbour->state));
	if (neighbour->state > SL_NEIGHBOUR_INCOMPLETE) {
		rte_ether_format_addr(mac, sizeof(mac), &neighbour->mac);
		sl_json_text(out, "mac", mac);
	}
	if (neighbour->state != SL_NEIGHBOUR_STATIC)
		sl_json_int(out, "age", (int64_t)((l3->now - neighbour->since) / sl_hz()));
	if (neighbour->queued > 0)
		sl_json_int(out, "waiting", neighbour->queued);
}

void sl_l3_show(const struct sl_l3_port *l3, struct sl_json *out)
{
	char text[SL_ADDR_TEXT];
	struct sl_json *list = sl_json_array(out, "addresses");

	show_addresses(l3->own4, l3->own4_count, list);
	show_addresses(l3->own6, l3->own6_count, list);
	list = sl_json_array(out, "claims");
	for (uint32_t i = 0; i < l3->claim_count; i++)
		sl_json_text(list, NULL, sl_prefix_format(&l3->claims[i], text));
	list = sl_json_array(out, "routes");
	show_routes(l3, &l3->routes4, list);
	show_routes(l3, &l3->routes6, list);
	list = sl_json_array(out, "neighbours");
	for (uint32_t i = 0; i < l3->highest; i++)
		if (l3->neighbours[i].state != SL_NEIGHBOUR_FREE)
			show_neighbour(l3, &l3->neighbours[i], sl_json_object(list, NULL));
	list = sl_json_object(out, "counters");
	for (unsigned int i = 0; i < SL_L3_COUNTERS; i++)
		sl_json_int(list, sl_l3_counters[i].name, (int64_t)l3->counters[i]);
	list = sl_json_object(out, "drops");
	for (unsigned int i = 0; i < SL_L3_REASONS; i++)
		sl_json_int(list, sl_l3_reasons[i].name, (int64_t)l3->drops[i]);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <core/chain/dump.h>
#include <core/chain/load.h>
#include <core/plugin/load.h>

static void add_fields(json_t *object, const struct sl_param *table, const unsigned char *config);

static json_t *dump_range(uint32_t first, uint32_t last)
{
	return first == last ? json_integer(first) : json_sprintf("%u-%u", first, last);
}

static json_t *dump_prefix(const struct sl_prefix *prefix)
{
	char text[SL_ADDR_TEXT];

	if (prefix->addr.family == SL_FAMILY_ANY)
		return json_string("any");
	return json_string(sl_prefix_format(prefix, text));
}

static json_t *dump_addrs(const struct sl_addr_range *range)
{
	char first[SL_ADDR_TEXT], last[SL_ADDR_TEXT];

	return json_sprintf("%s-%s", sl_addr_format(&range->first, first),
			    sl_addr_format(&range->last, last));
}

static json_t *dump_value(const struct sl_param *param, const unsigned char *field)
{
	const void *value = field;
	char address[SL_ADDR_TEXT];
	json_t *object;

	switch (param->kind) {
	case SL_BOOL:
		return json_boolean(*(const bool *)value);
	case SL_TEXT:
		return *(const char *const *)value != NULL
			       ? json_string(*(const char *const *)value)
			       : json_null();
	case SL_ENUM:
		return json_string(param->names[*(const uint32_t *)value]);
	case SL_ADDR:
		return json_string(sl_addr_format(value, address));
	case SL_PREFIX:
	case SL_IFADDR:
		return dump_prefix(value);
	case SL_ADDRS:
		return dump_addrs(value);
	case SL_MAC:
		return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", field[0], field[1], field[2],
				    field[3], field[4], field[5]);
	case SL_SPAN:
		return dump_range(((const struct sl_span *)value)->first,
				  ((const struct sl_span *)value)->last);
	case SL_PROTO:
	case SL_PATH:
		return json_integer(*(const uint32_t *)value);
	case SL_TABLE:
		object = json_object();
		add_fields(object, param->fields, field);
		return object;
	default: /* a number of some unit */
		return json_integer((json_int_t) * (const uint64_t *)value);
	}
}

static json_t *dump_list(const struct sl_param *param, const struct sl_list *list)
{
	json_t *array = json_array();
	size_t size = sl_item_size(param);

	for (uint32_t i = 0; i < list->count; i++)
		json_array_append_new(
			array, dump_value(param, (const unsigned char *)list->items + i * size));
	return array;
}

/* What was not given and has no default is left out, so that 0 is told from nothing. */
static void add_fields(json_t *object, const struct sl_param *table, const unsigned char *config)
{
	const uint64_t *given = (const void *)config;

	for (unsigned int i = 0; table != NULL && table[i].name != NULL; i++) {
		const unsigned char *field = config + table[i].offset;

		if (table[i].kind == SL_TABLE && (table[i].flags & SL_INLINE) != 0)
			add_fields(object, table[i].fields, field);
		else if ((*given >> i & 1) == 0 && table[i].def == NULL &&
			 table[i].kind != SL_TABLE)
			continue;
		else if ((table[i].flags & SL_LIST) != 0)
			json_object_set_new(object, table[i].name,
					    dump_list(&table[i], (const void *)field));
		else
			json_object_set_new(object, table[i].name, dump_value(&table[i], field));
	}
}

json_t *sl_config_dump(const struct sl_param *table, const void *config)
{
	json_t *object = json_object();

	add_fields(object, table, config);
	return object;
}

static json_t *dump_port(const struct sl_chain_port *port)
{
	json_t *config = json_object();

	add_fields(config, sl_port_params, (const void *)port->config);
	add_fields(config, port->kind->params, port->kind_config);
	return json_pack("{s:s, s:s, s:o}", "name", port->name, "kind", port->kind->name, "config",
			 config);
}

static json_t *dump_vnf(const struct sl_chain *chain, const struct sl_chain_vnf *vnf)
{
	static const char *const on_fault[] = {"drop", "bypass", "restart"};
	json_t *cores = json_array(), *edges = json_array(), *config = json_object();

	for (unsigned int i = 0; i < vnf->core_count; i++)
		json_array_append_new(cores, json_integer(vnf->cores[i]));
	for (unsigned int i = 0; i < vnf->edge_count; i++)
		json_array_append_new(edges,
				      vnf->edge_paths[i] == SL_NO_PATH
					      ? json_null()
					      : json_string(chain->paths[vnf->edge_paths[i]].name));
	add_fields(config, vnf->type->params, vnf->config);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "name", vnf->name, "type",
			 vnf->type->name, "on-fault", on_fault[vnf->on_fault], "restart-after",
			 (json_int_t)vnf->restart_after, "restart-most",
			 (json_int_t)vnf->restart_most, "memory", (json_int_t)vnf->memory, "cores",
			 cores, "edges", edges, "config", config);
}

static json_t *dump_path(const struct sl_chain *chain, const struct sl_chain_path *path)
{
	json_t *stops = json_array();

	for (unsigned int i = 0; i < path->stop_count; i++)
		json_array_append_new(stops, json_string(chain->vnfs[path->stops[i].vnf].name));
	return json_pack("{s:s, s:s, s:o, s:s, s:b}", "name", path->name, "from",
			 chain->ports[path->first].name, "stops", stops, "to",
			 chain->ports[path->last].name, "both-ways", path->both_ways);
}

static json_t *dump_steering(const struct sl_chain *chain, const struct sl_chain_steering *steering)
{
	json_t *config = json_object();

	add_fields(config, steering->type->params, steering->config);
	return json_pack("{s:s, s:s, s:o}", "port", chain->ports[steering->port].name, "type",
			 steering->type->name, "config", config);
}

json_t *sl_chain_dump(const struct sl_chain *chain)
{
	json_t *ports = json_array(), *vnfs = json_array(), *paths = json_array();
	json_t *steerings = json_array(), *fusion = json_object();

	add_fields(fusion, sl_fusion_params, (const void *)chain->fusion);
	for (unsigned int i = 0; i < chain->port_count; i++)
		json_array_append_new(ports, dump_port(&chain->ports[i]));
	for (unsigned int i = 0; i < chain->vnf_count; i++)
		json_array_append_new(vnfs, dump_vnf(chain, &chain->vnfs[i]));
	for (unsigned int i = 0; i < chain->path_count; i++)
		json_array_append_new(paths, dump_path(chain, &chain->paths[i]));
	for (unsigned int i = 0; i < chain->steering_count; i++)
		json_array_append_new(steerings, dump_steering(chain, &chain->steerings[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", chain->name, "ports", ports,
			 "vnfs", vnfs, "paths", paths, "steering", steerings, "fusion", fusion);
}

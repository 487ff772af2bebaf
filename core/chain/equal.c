/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_ether.h>

#include <sluice/state.h>

#include <core/chain/equal.h>
#include <core/plugin/instance.h>
#include <core/plugin/load.h>

static bool equal_ranges(const struct sl_addr_range *a, const struct sl_addr_range *b)
{
	return sl_addr_compare(&a->first, &b->first) == 0 &&
	       sl_addr_compare(&a->last, &b->last) == 0;
}

static bool equal_prefixes(const struct sl_prefix *a, const struct sl_prefix *b)
{
	return a->length == b->length && sl_addr_compare(&a->addr, &b->addr) == 0;
}

static bool equal_spans(const struct sl_span *a, const struct sl_span *b)
{
	return a->first == b->first && a->last == b->last;
}

static bool equal_texts(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One value. Not by its bytes where there is padding among them. */
static bool equal_values(const struct sl_param *param, const void *a, const void *b)
{
	switch (param->kind) {
	case SL_TEXT:
		return equal_texts(*(const char *const *)a, *(const char *const *)b);
	case SL_ADDR:
		return sl_addr_compare(a, b) == 0;
	case SL_PREFIX:
	case SL_IFADDR:
		return equal_prefixes(a, b);
	case SL_ADDRS:
		return equal_ranges(a, b);
	case SL_SPAN:
		return equal_spans(a, b);
	case SL_TABLE:
		return sl_params_equal(param->fields, a, b);
	case SL_BOOL:
	case SL_UINT:
	case SL_DURATION:
	case SL_SIZE:
	case SL_BITRATE:
	case SL_RATE:
	case SL_ENUM:
	case SL_MAC:
	case SL_PROTO:
	case SL_PATH:
		break;
	}
	return memcmp(a, b, sl_item_size(param)) == 0;
}

static bool equal_lists(const struct sl_param *param, const struct sl_list *a,
			const struct sl_list *b)
{
	size_t size = sl_item_size(param);

	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!equal_values(param, (const char *)a->items + i * size,
				  (const char *)b->items + i * size))
			return false;
	return true;
}

static bool given(const void *config, unsigned int i)
{
	uint64_t bits;

	memcpy(&bits, config, sizeof(bits));
	return bits >> i & 1;
}

unsigned int sl_params_differ(const struct sl_param *table, const void *a, const void *b,
			      const struct sl_param **differ, unsigned int room)
{
	unsigned int count = 0;

	for (unsigned int i = 0; table != NULL && table[i].name != NULL; i++) {
		const struct sl_param *param = &table[i];
		const char *x = (const char *)a + param->offset;
		const char *y = (const char *)b + param->offset;
		bool same;

		if (param->flags & SL_INLINE) {
			unsigned int inner = count < room ? room - count : 0;

			/* No room: there may be no array either. */
			count += sl_params_differ(param->fields, x, y,
						  inner != 0 ? differ + count : NULL, inner);
			continue;
		}
		if (param->flags & SL_LIST)
			same = equal_lists(param, (const struct sl_list *)(const void *)x,
					   (const struct sl_list *)(const void *)y);
		else
			same = equal_values(param, x, y);
		if (same && given(a, i) == given(b, i))
			continue;
		if (count < room)
			differ[count] = param;
		count++;
	}
	return count;
}

bool sl_params_equal(const struct sl_param *table, const void *a, const void *b)
{
	return sl_params_differ(table, a, b, NULL, 0) == 0;
}

static bool same_words(const char *const *a, const char *const *b)
{
	unsigned int i = 0;

	for (; a != NULL && a[i] != NULL; i++)
		if (b == NULL || b[i] == NULL || strcmp(a[i], b[i]) != 0)
			return false;
	return b == NULL || b[i] == NULL;
}

bool sl_params_same_form(const struct sl_param *a, const struct sl_param *b)
{
	unsigned int i = 0;

	if (a == b)
		return true;
	for (; a != NULL && a[i].name != NULL; i++)
		if (b == NULL || b[i].name == NULL || strcmp(a[i].name, b[i].name) != 0 ||
		    a[i].kind != b[i].kind || a[i].flags != b[i].flags ||
		    a[i].offset != b[i].offset || a[i].size != b[i].size ||
		    !same_words(a[i].names, b[i].names) ||
		    !sl_params_same_form(a[i].fields, b[i].fields))
			return false;
	return b == NULL || b[i].name == NULL;
}

bool sl_same_config(const struct sl_instance *instance, const struct sl_param *params,
		    const void *config)
{
	return sl_params_same_form(instance->type->params, params) &&
	       sl_params_equal(params, instance->config, config);
}

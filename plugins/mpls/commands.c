/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may ask: the labels with what they carried. */
#include <stdio.h>
#include <string.h>

#include "mpls.h"

static void show_count(const struct mpls_set *set, uint32_t number, struct sl_json *row)
{
	struct mpls_count sum = {0};

	for (uint32_t w = 0; w < set->workers; w++) {
		const struct mpls_count *count = &set->counts[(size_t)set->stride * w + number];

		sum.packets += sl_tally_read(&count->packets);
		sum.bytes += sl_tally_read(&count->bytes);
	}
	sl_json_int(row, "packets", (int64_t)sum.packets);
	sl_json_int(row, "bytes", (int64_t)sum.bytes);
}

/* "100 200", the outermost first. */
static void show_stack(struct sl_json *row, const char *key, const struct sl_list *labels)
{
	char text[MPLS_MOST_PUSH * 8 + 1] = "";
	size_t length = 0;

	for (uint32_t i = 0; i < labels->count && i < MPLS_MOST_PUSH; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u",
					   i > 0 ? " " : "",
					   (unsigned int)*SL_ITEM(labels, uint64_t, i));
	sl_json_text(row, key, text);
}

static void show_label(const struct mpls_label_config *label, struct sl_json *row)
{
	static const char *const sides[] = {"any", "inside", "outside"};

	sl_json_int(row, "label", (int64_t)label->label);
	sl_json_text(row, "from", sides[label->from]);
	if (label->given & LABEL_POP) {
		sl_json_text(row, "action", "pop");
	} else if (label->given & LABEL_PHP || label->swap == MPLS_IMPLICIT_NULL) {
		sl_json_text(row, "action", "php");
	} else {
		sl_json_text(row, "action", "swap");
		sl_json_int(row, "swap", (int64_t)label->swap);
	}
	if (label->given & LABEL_PUSH)
		show_stack(row, "push", &label->push);
}

static int show_labels(struct sl_instance *instance, const void *args, struct sl_json *out,
		       struct sl_errors *errors)
{
	const struct mpls_set *set = atomic_load(&((struct mpls *)sl_instance_data(instance))->set);
	struct sl_json *fecs = sl_json_array(out, "fecs");
	struct sl_json *labels = sl_json_array(out, "labels");

	(void)args, (void)errors;
	for (uint32_t i = 0; i < set->fec_count; i++) {
		struct sl_json *row = sl_json_object(fecs, NULL);

		sl_json_int(row, "fec", i + 1);
		show_stack(row, "push",
			   &SL_ITEM(&set->config->fecs, struct mpls_fec_config, i)->push);
		show_count(set, i, row);
	}
	for (uint32_t i = 0; i < set->entry_count; i++) {
		struct sl_json *row = sl_json_object(labels, NULL);

		show_label(SL_ITEM(&set->config->labels, struct mpls_label_config, i), row);
		show_count(set, set->fec_count + i, row);
	}
	return 0;
}

/* A worker's counters are its own to write: each clears its. */
static uint32_t collect_clear(struct sl_node *node, const void *args, uint64_t *cursor,
			      void *records, uint32_t room)
{
	const struct mpls_set *set = sl_mpls_set(node);
	struct mpls_count *counts = &set->counts[(size_t)set->stride * node->worker];

	(void)args, (void)records, (void)room;
	for (uint32_t i = 0; i < set->fec_count + set->entry_count; i++) {
		__atomic_store_n(&counts[i].packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&counts[i].bytes, 0, __ATOMIC_RELAXED);
	}
	*cursor = UINT64_MAX;
	return 0;
}

static void render_clear(struct sl_instance *instance, const void *record, struct sl_json *out)
{
	(void)instance, (void)record, (void)out;
}

const struct sl_command sl_mpls_commands[] = {
	{.name = "labels",
	 .doc = "FECs and incoming labels, and what each carried",
	 .show = show_labels},
	{.name = "clear",
	 .doc = "set the counters of FECs and labels to zero",
	 .changes = true,
	 .record_size = 8,
	 .collect = collect_clear,
	 .render = render_clear},
	{.name = NULL},
};

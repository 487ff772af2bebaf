/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters, and what their table cannot say. */
#include <stdlib.h>

#include "mpls.h"

static const char *const models[] = {"uniform", "pipe", NULL};
static const char *const unlabelled[] = {"pass", "drop", NULL};
static const char *const sides[] = {"any", "inside", "outside", NULL};

#define TO_NEXT_HOP(type)                                                                          \
	{.name = "next-hop",                                                                       \
	 .kind = SL_MAC,                                                                           \
	 .offset = offsetof(struct type, next_hop),                                                \
	 .doc = "MAC address to send it to; without it, that of the frame"},                       \
	{                                                                                          \
		.name = "source-mac", .kind = SL_MAC, .offset = offsetof(struct type, source_mac), \
		.doc = "MAC address to send it from; without it, that of the frame"                \
	}

static const struct sl_param fec_params[] = {
	{.name = "match",
	 .kind = SL_TABLE,
	 .offset = offsetof(struct mpls_fec_config, match),
	 .fields = sl_match_params,
	 .size = sizeof(struct sl_match),
	 .doc = "which packets from inside; without it, all IP packets"},
	{.name = "push",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED | SL_LIST,
	 .offset = offsetof(struct mpls_fec_config, push),
	 .max = MPLS_LABELS - 1,
	 .doc = "1 to 8 labels, the outermost first; 3 (implicit null) stands for none"},
	{.name = "tc",
	 .kind = SL_UINT,
	 .offset = offsetof(struct mpls_fec_config, tc),
	 .max = 7,
	 .doc = "traffic class of the labels; without it, `tc-map` makes it from the DSCP"},
	{.name = "ttl",
	 .kind = SL_UINT,
	 .offset = offsetof(struct mpls_fec_config, ttl),
	 .min = 1,
	 .max = 255,
	 .doc = "TTL of the labels, whatever the packet's; without it, as `ttl` of the VNF says"},
	TO_NEXT_HOP(mpls_fec_config),
	{.name = NULL},
};

static const struct sl_param label_params[] = {
	{.name = "label",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct mpls_label_config, label),
	 .min = MPLS_FIRST_LABEL,
	 .max = MPLS_LABELS - 1,
	 .doc = "the incoming label"},
	{.name = "from",
	 .kind = SL_ENUM,
	 .offset = offsetof(struct mpls_label_config, from),
	 .names = sides,
	 .def = "any",
	 .doc = "the side it comes in from: each side has its own labels"},
	{.name = "swap",
	 .kind = SL_UINT,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct mpls_label_config, swap),
	 .max = MPLS_LABELS - 1,
	 .doc = "replace it by this label; 3 (implicit null) is `php`"},
	{.name = "pop",
	 .kind = SL_BOOL,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct mpls_label_config, pop),
	 .doc = "the path ends here: take it off and look at the next label, or forward the IP "
		"packet"},
	{.name = "php",
	 .kind = SL_BOOL,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct mpls_label_config, php),
	 .doc = "the path ends at the next router: take it off and forward what is below, "
		"unlooked at"},
	{.name = "push",
	 .kind = SL_UINT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct mpls_label_config, push),
	 .max = MPLS_LABELS - 1,
	 .doc = "with `swap`: 1 to 8 labels to put on top of it, the outermost first"},
	{.name = "tc",
	 .kind = SL_UINT,
	 .offset = offsetof(struct mpls_label_config, tc),
	 .max = 7,
	 .doc = "with `swap`: traffic class from here on; without it, as it came"},
	{.name = "ttl",
	 .kind = SL_UINT,
	 .offset = offsetof(struct mpls_label_config, ttl),
	 .min = 1,
	 .max = 255,
	 .doc = "TTL of the pushed labels; without it, as `ttl` of the VNF says"},
	TO_NEXT_HOP(mpls_label_config),
	{.name = NULL},
};

static const struct sl_param tc_params[] = {
	{.name = "dscp",
	 .kind = SL_SPAN,
	 .flags = SL_REQUIRED | SL_LIST,
	 .offset = offsetof(struct mpls_tc_config, dscp),
	 .max = 63,
	 .doc = "code points"},
	{.name = "tc",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct mpls_tc_config, tc),
	 .max = 7,
	 .doc = "the traffic class that they become"},
	{.name = NULL},
};

static const struct sl_param dscp_params[] = {
	{.name = "tc",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct mpls_dscp_config, tc),
	 .max = 7,
	 .doc = "a traffic class"},
	{.name = "dscp",
	 .kind = SL_UINT,
	 .flags = SL_REQUIRED,
	 .offset = offsetof(struct mpls_dscp_config, dscp),
	 .max = 63,
	 .doc = "the code point that it becomes"},
	{.name = NULL},
};

const struct sl_param sl_mpls_params[] = {
	{.name = "fecs",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct mpls_config, fecs),
	 .fields = fec_params,
	 .size = sizeof(struct mpls_fec_config),
	 .doc = "forwarding equivalence classes: labels for IP packets from inside; the first that "
		"matches decides"},
	{.name = "labels",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct mpls_config, labels),
	 .fields = label_params,
	 .size = sizeof(struct mpls_label_config),
	 .doc = "the incoming label map: what becomes of packets that come in with a label"},
	{.name = "ttl",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, ttl),
	 .names = models,
	 .def = "uniform",
	 .doc = "RFC 3443: `uniform` carries the TTL from the packet to the label and back; `pipe` "
		"hides the hops between"},
	{.name = "pipe-ttl",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, pipe_ttl),
	 .def = "255",
	 .min = 1,
	 .max = 255,
	 .doc = "TTL of pushed labels with `ttl: pipe`"},
	{.name = "decrement",
	 .kind = SL_BOOL,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, decrement),
	 .doc = "count the IP TTL down before labels are pushed: for an inside port without "
		"addresses, where nothing else did"},
	{.name = "diffserv",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, diffserv),
	 .names = models,
	 .def = "pipe",
	 .doc = "RFC 3270: `uniform` writes a traffic class that changed on the way into what is "
		"below; `pipe` leaves that as it is"},
	{.name = "tc-map",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct mpls_config, tc_map),
	 .fields = tc_params,
	 .size = sizeof(struct mpls_tc_config),
	 .doc = "traffic class of each DSCP; without it, the upper three bits"},
	{.name = "dscp-map",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct mpls_config, dscp_map),
	 .fields = dscp_params,
	 .size = sizeof(struct mpls_dscp_config),
	 .doc = "DSCP of each traffic class, with `diffserv: uniform`; without it, the class times "
		"8"},
	{.name = "unlabelled",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, unlabelled),
	 .names = unlabelled,
	 .def = "pass",
	 .doc = "what becomes of packets that have no label and get none, ARP among them"},
	{.name = "max-labels",
	 .kind = SL_UINT,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct mpls_config, max_labels),
	 .def = "8",
	 .min = 1,
	 .max = 32,
	 .doc = "most labels taken off one packet"},
	{.name = NULL},
};

static int check_push(const struct sl_list *push, bool bottom, struct sl_errors *errors)
{
	if (push->count == 0 || push->count > MPLS_MOST_PUSH)
		return sl_fail_at(errors, push, "`push` takes 1 to %u labels, not %u",
				  MPLS_MOST_PUSH, push->count);
	for (uint32_t i = 0; i < push->count; i++) {
		uint64_t label = *SL_ITEM(push, uint64_t, i);
		bool null = label == MPLS_EXPLICIT_NULL_4 || label == MPLS_EXPLICIT_NULL_6 ||
			    label == MPLS_IMPLICIT_NULL;

		if (label < MPLS_FIRST_LABEL && !null)
			return sl_fail_at(errors, SL_ITEM(push, uint64_t, i),
					  "label %u is reserved; only 0, 2 and 3 of those can be "
					  "pushed",
					  (unsigned int)label);
		if (label != MPLS_IMPLICIT_NULL && null && (!bottom || i + 1 < push->count))
			return sl_fail_at(errors, SL_ITEM(push, uint64_t, i),
					  "explicit null can only be pushed at the bottom of the "
					  "stack");
	}
	return 0;
}

static int check_fec(const struct mpls_fec_config *fec, struct sl_errors *errors)
{
	int result = sl_match_check(&fec->match, errors);

	if (fec->match.given & SL_MATCH_SIDE && fec->match.side != SL_INSIDE)
		result = sl_fail_at(errors, &fec->match.side,
				    "a FEC is about packets from inside; what comes from outside "
				    "with a label is for `labels`");
	return check_push(&fec->push, true, errors) != 0 ? -EINVAL : result;
}

static int check_label(const struct mpls_label_config *label, struct sl_errors *errors)
{
	bool swaps = label->given & LABEL_SWAP && label->swap != MPLS_IMPLICIT_NULL;

	if ((label->given & LABEL_POP && !label->pop) || (label->given & LABEL_PHP && !label->php))
		return sl_fail_at(errors, label, "say `swap`, `pop: true` or `php: true`");
	if (label->given & LABEL_SWAP && label->swap < MPLS_FIRST_LABEL &&
	    label->swap != MPLS_EXPLICIT_NULL_4 && label->swap != MPLS_EXPLICIT_NULL_6 &&
	    label->swap != MPLS_IMPLICIT_NULL)
		return sl_fail_at(errors, &label->swap,
				  "label %u is reserved; only 0, 2 and 3 of those can be swapped "
				  "in",
				  (unsigned int)label->swap);
	if (!swaps && label->given & (LABEL_PUSH | LABEL_TC | LABEL_TTL))
		return sl_fail_at(errors, label, "`push`, `tc` and `ttl` need `swap`");
	if (label->given & LABEL_TTL && !(label->given & LABEL_PUSH))
		return sl_fail_at(errors, &label->ttl, "`ttl` is that of labels to `push`");
	return label->given & LABEL_PUSH ? check_push(&label->push, false, errors) : 0;
}

/* Each label of a side at most once. */
static int check_twice(const struct mpls_config *config, struct sl_errors *errors)
{
	uint8_t *seen = calloc(2, MPLS_LABELS / 8);
	int result = 0;

	if (seen == NULL)
		return sl_fail(errors, ENOMEM, "no memory to compare %u labels",
			       config->labels.count);
	for (uint32_t i = 0; i < config->labels.count; i++) {
		const struct mpls_label_config *label =
			SL_ITEM(&config->labels, struct mpls_label_config, i);
		bool twice = false;

		for (unsigned int side = SL_INSIDE; side <= SL_OUTSIDE; side++) {
			uint8_t *byte = &seen[side * (MPLS_LABELS / 8) + label->label / 8];
			uint8_t bit = (uint8_t)(1 << label->label % 8);

			if (label->from ==
			    (side == SL_INSIDE ? MPLS_FROM_OUTSIDE : MPLS_FROM_INSIDE))
				continue;
			twice |= (*byte & bit) != 0;
			*byte |= bit;
		}
		if (twice)
			result = sl_fail_at(errors, &label->label, "label %u is in the list twice",
					    (unsigned int)label->label);
	}
	free(seen);
	return result;
}

int sl_mpls_check(const void *data, struct sl_errors *errors)
{
	const struct mpls_config *config = data;
	int result = 0;

	if (config->fecs.count == 0 && config->labels.count == 0)
		return sl_fail_at(errors, config, "give `fecs`, `labels` or both");
	for (uint32_t i = 0; i < config->fecs.count; i++)
		if (check_fec(SL_ITEM(&config->fecs, struct mpls_fec_config, i), errors) != 0)
			result = -EINVAL;
	for (uint32_t i = 0; i < config->labels.count; i++)
		if (check_label(SL_ITEM(&config->labels, struct mpls_label_config, i), errors) != 0)
			result = -EINVAL;
	return result == 0 ? check_twice(config, errors) : result;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters, and what their table cannot say. */
#include "policer.h"

static const char *const algorithms[] = {"single-rate", "two-rate", "two-rate-excess", NULL};
static const char *const per_names[] = {"all", "flow", "source", "destination", NULL};
static const char *const layers[] = {"l3", "l2", NULL};
static const char *const directions[] = {"both", "inside", "outside", NULL};
static const char *const fulls[] = {"pass", "drop", "share", NULL};

static const struct sl_param action_params[] = {
	{.name = "drop",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct pol_action_config, drop),
	 .doc = "drop the packet; otherwise it passes"},
	{.name = "dscp",
	 .kind = SL_UINT,
	 .offset = offsetof(struct pol_action_config, dscp),
	 .max = 63,
	 .doc = "differentiated services code point to write into the IP header"},
	{.name = "precedence",
	 .kind = SL_UINT,
	 .offset = offsetof(struct pol_action_config, precedence),
	 .min = 1,
	 .max = 3,
	 .doc = "drop precedence to write into packets of an assured forwarding class (RFC 2597), "
		"which stay in their class"},
	{.name = "mark",
	 .kind = SL_UINT,
	 .offset = offsetof(struct pol_action_config, mark),
	 .max = UINT32_MAX,
	 .doc = "number to put on the packet, for `mark` in the rules of later functions"},
	{.name = NULL},
};

#define FIELD(member) .offset = offsetof(struct pol_meter_config, member)
#define ACTION(colour, number)                                                                     \
	{                                                                                          \
		.name = (colour), .kind = SL_TABLE,                                                \
		FIELD(actions) + (number) * sizeof(struct pol_action_config),                      \
		.fields = action_params, .size = sizeof(struct pol_action_config),                 \
		.doc = "what becomes of packets of that colour; without it, red drops and others " \
		       "pass"                                                                      \
	}

static const struct sl_param meter_params[] = {
	{.name = "meter",
	 .kind = SL_ENUM,
	 FIELD(meter),
	 .names = algorithms,
	 .def = "single-rate",
	 .doc = "how packets are coloured: RFC 2697, RFC 2698 or RFC 4115"},
	{.name = "rate", .kind = SL_BITRATE, FIELD(rate), .doc = "committed rate, bits a second"},
	{.name = "peak-rate",
	 .kind = SL_BITRATE,
	 FIELD(peak),
	 .doc = "`two-rate`: peak rate, committed and more, bits a second"},
	{.name = "excess-rate",
	 .kind = SL_BITRATE,
	 FIELD(excess),
	 .doc = "`two-rate-excess`: rate beyond the committed, bits a second"},
	{.name = "packet-rate",
	 .kind = SL_RATE,
	 FIELD(packets),
	 .doc = "committed rate, packets a second, instead of `rate`"},
	{.name = "peak-packet-rate",
	 .kind = SL_RATE,
	 FIELD(peak_packets),
	 .doc = "`two-rate`: peak rate, packets a second"},
	{.name = "excess-packet-rate",
	 .kind = SL_RATE,
	 FIELD(excess_packets),
	 .doc = "`two-rate-excess`: rate beyond the committed, packets a second"},
	{.name = "burst",
	 .kind = SL_SIZE,
	 FIELD(burst),
	 .doc = "committed burst, bytes, or packets with `packet-rate`; without it what the rate "
		"gives in 50 ms, at least 16 KiB or 16 packets"},
	{.name = "peak-burst",
	 .kind = SL_SIZE,
	 FIELD(peak_burst),
	 .doc = "`two-rate`: peak burst; without it, as `burst` by the peak rate"},
	{.name = "excess-burst",
	 .kind = SL_SIZE,
	 FIELD(excess_burst),
	 .doc = "excess burst; without it none with `single-rate`, else as `burst` by the excess "
		"rate"},
	{.name = "per",
	 .kind = SL_ENUM,
	 FIELD(per),
	 .names = per_names,
	 .def = "all",
	 .doc = "whose packets share a meter: all, those of a flow (addresses, protocol, ports), "
		"of "
		"a source or of a destination address"},
	{.name = "symmetric",
	 .kind = SL_BOOL,
	 FIELD(symmetric),
	 .doc = "one meter for both directions; source and destination are those of packets from "
		"inside"},
	{.name = "colour-aware",
	 .kind = SL_BOOL,
	 FIELD(aware),
	 .doc = "packets come with the colour of their drop precedence (RFC 2597)"},
	{.name = "layer",
	 .kind = SL_ENUM,
	 FIELD(layer),
	 .names = layers,
	 .def = "l3",
	 .doc = "bytes that count: those of the IP packet, or those of the frame"},
	ACTION("green", 0),
	ACTION("yellow", 1),
	ACTION("red", 2),
	{.name = NULL},
};

static const struct sl_param rule_params[] = {
	{.name = "match",
	 .kind = SL_TABLE,
	 .offset = offsetof(struct pol_rule_config, match),
	 .fields = sl_match_params,
	 .size = sizeof(struct sl_match),
	 .doc = "which packets; a rule without it matches every packet"},
	{.name = "exempt",
	 .kind = SL_BOOL,
	 .offset = offsetof(struct pol_rule_config, exempt),
	 .doc = "these packets pass unmetered"},
	{.name = "meter",
	 .kind = SL_TABLE,
	 .flags = SL_INLINE,
	 .offset = offsetof(struct pol_rule_config, meter),
	 .fields = meter_params,
	 .size = sizeof(struct pol_meter_config),
	 .doc = "the rule's meter"},
	{.name = NULL},
};

const struct sl_param sl_pol_params[] = {
	{.name = "direction",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct pol_config, direction),
	 .names = directions,
	 .def = "both",
	 .doc = "the side whose packets are metered; with `both`, each has meters of its own"},
	{.name = "rules",
	 .kind = SL_TABLE,
	 .flags = SL_LIST | SL_LIVE,
	 .offset = offsetof(struct pol_config, rules),
	 .fields = rule_params,
	 .size = sizeof(struct pol_rule_config),
	 .doc = "packets with a meter of their own; the first rule that matches decides"},
	{.name = "flows",
	 .kind = SL_UINT,
	 .offset = offsetof(struct pol_config, flows),
	 .def = "65536",
	 .min = 1,
	 .max = 1 << 26,
	 .doc = "most meters of flows, sources and destinations, a worker"},
	{.name = "idle",
	 .kind = SL_DURATION,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct pol_config, idle),
	 .def = "30 s",
	 .min = 1000000,
	 .max = UINT64_C(30) * 86400 * 1000000000,
	 .doc = "a flow's meter goes after that long without a packet, but not before it is full"},
	{.name = "table-full",
	 .kind = SL_ENUM,
	 .flags = SL_LIVE,
	 .offset = offsetof(struct pol_config, full),
	 .names = fulls,
	 .def = "share",
	 .doc = "packets of flows that find no room: pass unmetered, drop, or share one meter of "
		"their rule"},
	{.name = "meter",
	 .kind = SL_TABLE,
	 .flags = SL_INLINE | SL_LIVE,
	 .offset = offsetof(struct pol_config, meter),
	 .fields = meter_params,
	 .size = sizeof(struct pol_meter_config),
	 .doc = "the meter of packets that no rule matches"},
	{.name = NULL},
};

static int check_actions(const struct pol_meter_config *meter, struct sl_errors *errors)
{
	for (int i = 0; i < 3; i++) {
		const struct pol_action_config *action = &meter->actions[i];

		if (action->drop && action->given & (ACTION_DSCP | ACTION_PRECEDENCE | ACTION_MARK))
			return sl_fail_at(errors, &action->drop,
					  "what is dropped cannot also get `dscp`, `precedence` or "
					  "`mark`");
		if ((action->given & (ACTION_DSCP | ACTION_PRECEDENCE)) ==
		    (ACTION_DSCP | ACTION_PRECEDENCE))
			return sl_fail_at(errors, &action->precedence,
					  "`dscp` and `precedence` exclude each other");
	}
	return 0;
}

/* The second rate, which two of the three meters have and must have. */
static int check_second(const struct pol_meter_config *m, struct sl_errors *errors)
{
	bool packets = (m->given & METER_PACKETS) != 0;
	uint64_t peak = packets ? METER_PEAK_PACKETS : METER_PEAK;
	uint64_t excess = packets ? METER_EXCESS_PACKETS : METER_EXCESS;
	const char *unit = packets ? "packet-" : "";

	if (m->given &
	    (packets ? METER_PEAK | METER_EXCESS : METER_PEAK_PACKETS | METER_EXCESS_PACKETS))
		return sl_fail_at(errors, m, "one meter counts bits or packets, not both");
	if (m->meter == POL_TRTCM && !(m->given & peak))
		return sl_fail_at(errors, m, "`meter: two-rate` needs `peak-%srate`", unit);
	if (m->meter == POL_TRTCM_4115 && !(m->given & excess))
		return sl_fail_at(errors, m, "`meter: two-rate-excess` needs `excess-%srate`",
				  unit);
	if (m->meter != POL_TRTCM && m->given & (peak | METER_PEAK_BURST))
		return sl_fail_at(errors, m,
				  "`peak-%srate` and `peak-burst` are for `meter: two-rate`", unit);
	if (m->meter != POL_TRTCM_4115 && m->given & excess)
		return sl_fail_at(errors, m, "`excess-%srate` is for `meter: two-rate-excess`",
				  unit);
	if (m->meter == POL_TRTCM && m->given & METER_EXCESS_BURST)
		return sl_fail_at(errors, &m->excess_burst,
				  "`two-rate` has a `peak-burst` instead");
	if (m->meter == POL_TRTCM && (packets ? m->peak_packets < m->packets : m->peak < m->rate))
		return sl_fail_at(errors, packets ? &m->peak_packets : &m->peak,
				  "the peak rate must not be below the committed rate (RFC 2698)");
	return 0;
}

static int check_meter(const struct pol_meter_config *m, struct sl_errors *errors)
{
	if ((m->given & (METER_RATE | METER_PACKETS)) == (METER_RATE | METER_PACKETS))
		return sl_fail_at(errors, &m->packets,
				  "`rate` and `packet-rate` exclude each other");
	if (m->given & METER_RATE && m->rate < 8)
		return sl_fail_at(errors, &m->rate, "`rate` must be 8 bit/s or more");
	if (m->given & METER_BURST && m->burst == 0 &&
	    (m->meter != POL_SRTCM || m->excess_burst == 0))
		return sl_fail_at(errors, &m->burst, "a burst of 0 lets no packet through");
	if ((m->given & METER_PEAK_BURST && m->peak_burst == 0) ||
	    (m->meter == POL_TRTCM_4115 && m->given & METER_EXCESS_BURST && m->excess_burst == 0))
		return sl_fail_at(errors, m, "a burst of 0 lets no packet through");
	return check_second(m, errors) != 0 ? -EINVAL : check_actions(m, errors);
}

static int check_rule(const struct pol_rule_config *rule, struct sl_errors *errors)
{
	int result = sl_match_check(&rule->match, errors);

	if (rule->exempt && sl_pol_has_rate(&rule->meter))
		result = sl_fail_at(errors, &rule->exempt, "an exempt rule has no rates");
	if (!rule->exempt && !sl_pol_has_rate(&rule->meter))
		result = sl_fail_at(errors, rule,
				    "a rule must say `rate`, `packet-rate` or `exempt: true`");
	if (!rule->exempt && result == 0)
		result = check_meter(&rule->meter, errors);
	return result;
}

int sl_pol_check(const void *data, struct sl_errors *errors)
{
	const struct pol_config *config = data;
	int result = 0;

	if (config->rules.count == 0 && !sl_pol_has_rate(&config->meter))
		return sl_fail_at(errors, config, "give `rate`, `packet-rate` or `rules`");
	if (config->rules.count >= UINT16_MAX)
		return sl_fail_at(errors, &config->rules, "at most %u rules", UINT16_MAX - 1);
	if (!sl_pol_has_rate(&config->meter) && config->meter.given != 0)
		result = sl_fail_at(errors, &config->meter,
				    "parameters of a meter without `rate` or `packet-rate`");
	if (sl_pol_has_rate(&config->meter) && check_meter(&config->meter, errors) != 0)
		result = -EINVAL;
	for (uint32_t i = 0; i < config->rules.count; i++)
		if (check_rule(SL_ITEM(&config->rules, struct pol_rule_config, i), errors) != 0)
			result = -EINVAL;
	return result;
}

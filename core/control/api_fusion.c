/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include <core/control/api_table.h>
#include <core/control/report.h>
#include <core/flow/fusion.h>

enum { GIVEN_MODE, GIVEN_SAMPLE };

struct fusion_args {
	uint64_t given;
	uint32_t mode;
	uint64_t sample;
};

static const char *const modes[] = {"on", "off", "verify", NULL};

static const struct sl_param fusion_args[] = {
	[GIVEN_MODE] = {.name = "mode",
			.kind = SL_ENUM,
			.offset = offsetof(struct fusion_args, mode),
			.names = modes,
			.doc = "The mode from the next burst on"},
	[GIVEN_SAMPLE] = {.name = "sample",
			  .kind = SL_UINT,
			  .offset = offsetof(struct fusion_args, sample),
			  .max = 1 << 30,
			  .doc = "In mode `on`, one packet in so many is verified; 0: none"},
	{0},
};

static json_t *show(struct sl_api_call *call)
{
	return sl_report_fusion(call->engine);
}

static json_t *change(struct sl_api_call *call)
{
	const struct fusion_args *args = call->args;

	if (args->given == 0)
		return sl_api_fail(call, SL_API_BAD_REQUEST, "body", NULL,
				   "expected `mode`: on, off or verify; `sample`: 0 to 2^30");
	if (args->given & UINT64_C(1) << GIVEN_MODE)
		sl_engine_fuse(call->engine, (unsigned int)sl_fusion_mode_of(modes[args->mode]));
	if (args->given & UINT64_C(1) << GIVEN_SAMPLE)
		atomic_store(&call->engine->fusion_control->sample, (uint32_t)args->sample);
	return sl_report_fusion(call->engine);
}

const struct sl_api_operation sl_api_fusion[] = {
	{
		.method = "GET",
		.path = "/v1/fusion",
		.name = "show-fusion",
		.summary = "How flows are fused",
		.role = SL_ROLE_READ,
		.answer = sl_api_fusion_answer,
		.run = show,
	},
	{
		.method = "POST",
		.path = "/v1/fusion",
		.name = "change-fusion",
		.summary = "Change how flows are fused",
		.role = SL_ROLE_ADMIN,
		.args = fusion_args,
		.args_size = sizeof(struct fusion_args),
		.answer = sl_api_fusion_answer,
		.run = change,
	},
	{.method = NULL},
};

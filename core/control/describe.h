/* SPDX-License-Identifier: BSD-3-Clause */
/* What a plugin declares, as JSON: for `sluice plugin show` and the reference pages. */
#ifndef CORE_CONTROL_DESCRIBE_H
#define CORE_CONTROL_DESCRIBE_H

#include <jansson.h>

#include <core/plugin/registry.h>

json_t *sl_describe_plugin(const struct sl_loaded_plugin *loaded);

#endif

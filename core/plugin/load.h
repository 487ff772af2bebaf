/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening one plugin file: who may have written it, what it is, whether it fits this program. */
#ifndef CORE_PLUGIN_LOAD_H
#define CORE_PLUGIN_LOAD_H

#include <core/plugin/registry.h>

/* Check and load. 0, or -errno with a message; -ENOENT, without one, when there is no file. */
int sl_plugin_open(const char *path, struct sl_loaded_plugin *opened, struct sl_errors *errors);
void sl_plugin_close(struct sl_loaded_plugin *opened);
/* Whether all that a plugin declares makes sense, after its versions were found to fit. */
int sl_plugin_check(const struct sl_plugin *plugin, const char *path, struct sl_errors *errors);
/* Bytes of a parameter's value, of one item if it is a list. */
size_t sl_item_size(const struct sl_param *param);

#endif

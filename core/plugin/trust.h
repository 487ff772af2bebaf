/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose files may become code of this program. A file is trusted when no one could have changed
 * it who could not have changed the program itself: root, the user we run as, and whoever owns
 * the program's own file or a folder above it.
 */
#ifndef CORE_PLUGIN_TRUST_H
#define CORE_PLUGIN_TRUST_H

#include <core/error/errors.h>

/* Check an open regular file, its folder and the folders above. path: for messages. */
int sl_trust_file(int fd, const char *path, struct sl_errors *errors);

#endif

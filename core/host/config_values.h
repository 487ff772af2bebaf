/* SPDX-License-Identifier: BSD-3-Clause */
/* How a key of the host file is read. */
#ifndef CORE_HOST_CONFIG_VALUES_H
#define CORE_HOST_CONFIG_VALUES_H

#include <libconfig.h>

#include <core/host/config.h>

enum sl_config_kind {
	SL_KEY_GROUP,  /* further keys under this one */
	SL_KEY_UINT,   /* unsigned int */
	SL_KEY_UINT64, /* uint64_t */
	SL_KEY_BOOL,   /* bool */
	SL_KEY_TEXT,   /* const char * */
	SL_KEY_TEXTS,  /* const char ** and its count */
	SL_KEY_CORES,  /* unsigned int * and its count */
	SL_KEY_WORD,   /* one of words: enum */
	SL_KEY_LEVEL,  /* one of words: const char * */
	SL_KEY_MODE,   /* file mode in octal, as text */
	SL_KEY_USER,   /* const char *, a user there is */
	SL_KEY_USERS,  /* const char *, a group there is */
	SL_KEY_LISTEN, /* const char *, an address and a port */
};

struct sl_config_key {
	const char *name;
	enum sl_config_kind kind;
	size_t offset, count_offset; /* in struct sl_host_config */
	uint64_t min, max;
	const char *const *words;
	const struct sl_config_key *keys;
};

struct sl_config_reader {
	struct sl_host_config *config;
	const char *file;
	struct sl_errors *errors;
	bool main_given, workers_given, plugins_given, vnfs_given, socket_given, mode_given;
};

struct sl_place sl_config_place(const struct sl_config_reader *reader,
				const config_setting_t *setting);
/* Into the field of the key, which is no group. What is wrong is told. */
void sl_config_value(struct sl_config_reader *reader, const struct sl_config_key *key,
		     const config_setting_t *setting);
void sl_config_free_texts(const char **texts, unsigned int count);

#endif

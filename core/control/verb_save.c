/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/control/ask.h>
#include <core/saved/saved.h>

static json_t *describe(const struct sl_saved *saved, const char *path)
{
	json_t *answer = json_pack("{ss sI sI}", "file", path, "records",
				   (json_int_t)sl_saved_records(saved), "bytes",
				   (json_int_t)sl_saved_bytes(saved));
	json_t *list = json_array();

	for (uint32_t i = 0; i < sl_saved_part_count(saved); i++) {
		const struct sl_saved_part *part = sl_saved_part(saved, i);

		json_array_append_new(list, json_pack("{ss ss sI}", "name", part->owner.name,
						      "type", part->owner.type, "records",
						      (json_int_t)part->records));
	}
	json_object_set_new(answer, "vnfs", list);
	return answer;
}

struct writing {
	int fd;
	int code; /* errno */
};

static bool write_some(void *context, const char *data, size_t size)
{
	struct writing *writing = context;

	while (size > 0) {
		ssize_t did = write(writing->fd, data, size);

		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0) {
			writing->code = did < 0 ? errno : EIO;
			return false;
		}
		data += did;
		size -= (size_t)did;
	}
	return true;
}

static int fetch(const char *address, const char *path, int fd, struct sl_errors *errors)
{
	struct writing writing = {.fd = fd};
	const struct sl_client_sink sink = {.take = write_some, .context = &writing};
	int err = sl_client_read(address, "/v1/state", &sink, errors);

	if (writing.code != 0)
		return sl_fail(errors, writing.code, "%s: %s", path, strerror(writing.code));
	return err;
}

/* What has come is read as a restore would, before it takes the place of an older file. */
static json_t *save(const char *address, const char *path, struct sl_errors *errors)
{
	struct sl_saved_file *file = sl_saved_file_new(path, errors);
	struct sl_saved *saved = NULL;
	json_t *answer = NULL;

	if (file != NULL && fetch(address, path, sl_saved_file_fd(file), errors) == 0)
		saved = sl_saved_open(sl_saved_file_fd(file), path, errors);
	if (saved != NULL && sl_saved_file_keep(file, errors) == 0)
		answer = describe(saved, path);
	sl_saved_free(saved);
	sl_saved_file_free(file);
	return answer;
}

static int ask(const struct sl_verb *verb, const struct sl_ask *ask, const char *path)
{
	struct sl_errors *errors = sl_errors_new();
	char *address = sl_verb_socket(ask->socket, ask->config, errors);
	json_t *answer = address != NULL ? save(address, path, errors) : NULL;

	if (answer != NULL)
		sl_verb_print(answer, ask->json);
	else
		sl_note_place(errors, (struct sl_place){.file = NULL},
			      "%s was not written; a file of that name is as it was", path);
	sl_errors_print(errors, stderr);
	sl_errors_free(errors);
	free(address);
	json_decref(answer);
	return sl_verb_flush(verb, answer != NULL ? SL_EXIT_OK : SL_EXIT_FAILED);
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	struct sl_ask given = {0};

	if (!sl_ask_options(verb, argc, argv, &given))
		return given.status;
	if (argc - optind != 1)
		return sl_verb_misused(verb, "name one file");
	return ask(verb, &given, argv[optind]);
}

static const struct sl_option options[] = {
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_JSON,
	SL_OPT_END,
};

static const struct sl_form forms[] = {
	{"FILE", NULL},
	{NULL, NULL},
};

const struct sl_verb sl_verb_save = {
	.name = "save",
	.summary = "Save what the VNFs of a running sluice remember",
	.help = "Sessions, mappings, learned addresses: `sluice run --restore FILE` begins with "
		"them. Packets go on meanwhile; what begins during the call may be missing. The "
		"file is there as a whole or not at all: until it is on the disk, the one before "
		"stays. Only its owner may read it, as it says who talks to whom.",
	.options = options,
	.forms = forms,
	.run = run,
};

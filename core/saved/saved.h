/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of instances (sessions, mappings, ...) outside the engine: written to a file or a
 * memory file, checked as a whole, read again. What a record means is its plugin's business.
 * Main thread.
 */
#ifndef CORE_SAVED_SAVED_H
#define CORE_SAVED_SAVED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <core/error/errors.h>

/* Longest record. */
#define SL_SAVED_RECORD 4096u
/* Longest name of an instance, plugin, version or type. */
#define SL_SAVED_NAME 255u

/* Whose state it is. */
struct sl_saved_owner {
	const char *name;
	const char *plugin, *plugin_version;
	const char *type;
	uint32_t version; /* of its records */
};

/*
 * Write
 */

struct sl_saved_writer;

/* Writes to fd from where it stands; `name` is what messages call it. NULL with messages. */
struct sl_saved_writer *sl_saved_writer_new(int fd, const char *name, uint32_t workers,
					    struct sl_errors *errors);
/* Records of this owner follow. All three: 0, or -errno with a message, and all later calls fail.
 */
int sl_saved_begin(struct sl_saved_writer *writer, const struct sl_saved_owner *owner,
		   struct sl_errors *errors);
int sl_saved_add(struct sl_saved_writer *writer, uint32_t worker, const void *record, uint32_t size,
		 struct sl_errors *errors);
int sl_saved_done(struct sl_saved_writer *writer, struct sl_errors *errors);
/* The end. Without it nobody reads what was written. */
int sl_saved_finish(struct sl_saved_writer *writer, struct sl_errors *errors);
/* How many came in all. */
uint64_t sl_saved_written(const struct sl_saved_writer *writer, uint64_t *bytes);
void sl_saved_writer_free(struct sl_saved_writer *writer);

/*
 * Read
 */

struct sl_saved;

/* One owner in what was read. */
struct sl_saved_part {
	struct sl_saved_owner owner;
	uint64_t records;
	uint64_t offset; /* of the block after INSTANCE */
	uint32_t number; /* of that block */
};

/* Read and check all of it: nothing in it can surprise afterwards. `name` is what messages call
 * it; fd stays the caller's and must stay open. NULL with messages. */
struct sl_saved *sl_saved_open(int fd, const char *name, struct sl_errors *errors);
void sl_saved_free(struct sl_saved *state);

uint32_t sl_saved_part_count(const struct sl_saved *state);
const struct sl_saved_part *sl_saved_part(const struct sl_saved *state, uint32_t i);
uint64_t sl_saved_records(const struct sl_saved *state);
uint64_t sl_saved_bytes(const struct sl_saved *state);
/* Of the engine that wrote it. */
uint32_t sl_saved_workers(const struct sl_saved *state);
const char *sl_saved_engine(const struct sl_saved *state);
/* Nanoseconds since 1970. */
uint64_t sl_saved_saved(const struct sl_saved *state);

/* A record, aligned to 8 bytes, of which `worker` had the say. Not 0 ends the visit. */
typedef int (*sl_saved_visit)(void *context, uint32_t worker, const void *record, uint32_t size);
/* All records of a part, in the order they were written. 0; what the visit returned; or -errno with
 * a message, when what is read is not what was checked. */
int sl_saved_each(const struct sl_saved *state, uint32_t part, sl_saved_visit visit, void *context,
		  struct sl_errors *errors);

/*
 * On disk
 */

/* Open for reading what may be trusted: a regular file of root, of the user we run as or of `also`
 * ((uid_t)-1: nobody), that nobody else may write. -errno with a message. */
int sl_saved_file_open(const char *path, uid_t also, struct sl_errors *errors);

/* A file that is there as a whole or not at all: until it is kept, the one before stays, and when
 * the process is killed, nothing is left. */
struct sl_saved_file;
struct sl_saved_file *sl_saved_file_new(const char *path, struct sl_errors *errors);
int sl_saved_file_fd(const struct sl_saved_file *file);
/* It is on the disk, under its name, when this returns 0. */
int sl_saved_file_keep(struct sl_saved_file *file, struct sl_errors *errors);
/* What was not kept is gone. NULL is allowed. */
void sl_saved_file_free(struct sl_saved_file *file);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One chain test: a chain and what happens to it. The file is described in
 * docs/testing-chains.md.
 */
#ifndef CORE_TEST_CASE_H
#define CORE_TEST_CASE_H

#include <core/chain/model.h>
#include <core/chain/tree.h>
#include <core/test/compare.h>

struct sl_test_step {
	enum sl_test_kind {
		SL_TEST_IN,   /* packets come in */
		SL_TEST_OUT,  /* packets must have come out */
		SL_TEST_DROP, /* packets must have been dropped */
		SL_TEST_WAIT, /* time passes */
	} kind;
	struct sl_place place;
	unsigned int port;
	struct sl_frame *frames; /* IN, OUT */
	uint32_t frame_count;
	uint64_t times;
	struct sl_any_field *any; /* OUT */
	unsigned int any_count;
	const char *reason, *hop; /* DROP; hop: a part of its name, or NULL */
	uint64_t count;           /* DROP: exactly so many; 0: at least one */
	uint64_t wait;            /* ns */
};

struct sl_test_case {
	const char *file;
	const char *about; /* or NULL */
	struct sl_chain *chain;
	struct sl_test_step *steps;
	uint32_t step_count;
};

/* NULL with messages. On success sl_fail_at() knows the places of the chain's fields. */
struct sl_test_case *sl_test_case_load(const char *file, struct sl_registry *registry,
				       const char *const *vnf_folders, unsigned int folder_count,
				       struct sl_errors *errors);
/* The chain is somebody else's by now, or NULL: its memory holds the file's texts. */
void sl_test_case_free(struct sl_test_case *test);

/* chain.c: the chain of a test with ports that can be driven. NULL with messages.
 * root: the test file. */
const struct sl_tree *sl_test_chain(struct sl_store *store, const char *file,
				    const struct sl_tree *root, struct sl_errors *errors);

#endif

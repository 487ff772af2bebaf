/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a packet the expected one, and if not, how do they differ? */
#ifndef CORE_TEST_COMPARE_H
#define CORE_TEST_COMPARE_H

#include <stdio.h>

#include <core/test/layers.h>

/* A field that may have any value. */
struct sl_any_field {
	enum sl_layer_id layer;
	const struct sl_header_field *field;
};

/* Give the expected packet the values that the other has in such fields, and checksums that go
 * with them. Both are parsed. */
void sl_frame_accept(struct sl_frame *expected, const struct sl_frame *got,
		     const struct sl_any_field *any, unsigned int count);
bool sl_frame_equal(const struct sl_frame *a, const struct sl_frame *b);
/* Fields that differ, then the bytes. Each line is indented. */
void sl_frame_diff(const struct sl_frame *expected, const struct sl_frame *got, FILE *out);
/* One packet in hexadecimal. */
void sl_frame_dump(const struct sl_frame *frame, FILE *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers without an end of their own. A connection rests while its source has nothing; the main
 * thread looks each round.
 */
#ifndef CORE_CONTROL_STREAM_H
#define CORE_CONTROL_STREAM_H

#include <microhttpd.h>

#include <core/control/api.h>

struct sl_streams;

/* NULL: out of memory. */
struct sl_streams *sl_streams_new(void);
/* All must have ended. */
void sl_streams_free(struct sl_streams *streams);
/* Whether another may begin, and there still is room for questions. */
bool sl_streams_room(const struct sl_streams *streams);
bool sl_streams_any(const struct sl_streams *streams);
/* Answer with what the source has; it is closed in any case. */
enum MHD_Result sl_stream_begin(struct sl_streams *streams, struct MHD_Connection *connection,
				const struct sl_api_source *source);
/* Wake those that have something to send, or nobody to send it to. */
void sl_streams_wake(struct sl_streams *streams);
/* What they have now is all that comes. */
void sl_streams_end(struct sl_streams *streams);
/* Not even that. */
void sl_streams_cut(struct sl_streams *streams);

#endif

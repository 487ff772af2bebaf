/* SPDX-License-Identifier: BSD-3-Clause */
/* The OpenAPI (3.0) description of the API, made from its tables. */
#ifndef CORE_CONTROL_OPENAPI_H
#define CORE_CONTROL_OPENAPI_H

#include <jansson.h>

json_t *sl_openapi(void);

#endif

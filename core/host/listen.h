/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses to listen at: "127.0.0.1:9469", "[::1]:9469". No names: what is opened is written. */
#ifndef CORE_HOST_LISTEN_H
#define CORE_HOST_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for such a text with its NUL. */
#define SL_LISTEN_TEXT (INET6_ADDRSTRLEN + 16)

union sl_listen {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* false: it is none. Port 0 lets the kernel choose. */
bool sl_listen_parse(const char *text, union sl_listen *address);
void sl_listen_format(const union sl_listen *address, char text[SL_LISTEN_TEXT]);

#endif

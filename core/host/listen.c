/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/host/listen.h>

static bool parse_port(const char *text, in_port_t *port)
{
	unsigned long number = 0;

	if (strspn(text, "0123456789") != strlen(text) || *text == '\0' || strlen(text) > 5)
		return false;
	number = strtoul(text, NULL, 10);
	*port = htons((in_port_t)number);
	return number <= UINT16_MAX;
}

bool sl_listen_parse(const char *text, union sl_listen *address)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t length;

	memset(address, 0, sizeof(*address));
	if (colon == NULL || (length = (size_t)(colon - text)) >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		return inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) == 1 &&
		       parse_port(colon + 1, &address->v6.sin6_port);
	}
	address->v4.sin_family = AF_INET;
	return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 &&
	       parse_port(colon + 1, &address->v4.sin_port);
}

void sl_listen_format(const union sl_listen *address, char text[SL_LISTEN_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(text, SL_LISTEN_TEXT, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(text, SL_LISTEN_TEXT, "%s:%u", host, ntohs(address->v4.sin_port));
	}
}

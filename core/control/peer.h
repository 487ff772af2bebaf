/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is at the other end of a connection, and what they may do. */
#ifndef CORE_CONTROL_PEER_H
#define CORE_CONTROL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include <core/error/errors.h>

/* What one may do: each may what those before it may. */
enum sl_role {
	SL_ROLE_NONE,
	SL_ROLE_READ,  /* look */
	SL_ROLE_ADMIN, /* and change */
};

struct sl_peer {
	enum sl_role role;
	uid_t uid;        /* (uid_t)-1: unknown */
	pid_t pid;        /* 0: unknown */
	char command[16]; /* of the process, as the kernel shortens it */
};

/* Groups of users. When there are any, who is in none may nothing; else who reaches the socket may
 * look. */
struct sl_rights {
	bool admins_given, readers_given;
	gid_t admins, readers;
};

/* Look the groups up; a name may be NULL. 0, or -errno with a message. */
int sl_rights_find(struct sl_rights *rights, const char *admins, const char *readers,
		   struct sl_errors *errors);
/* root and the user that we run as are admins, whatever the groups say. */
void sl_peer_of(int fd, const struct sl_rights *rights, struct sl_peer *peer);

#endif

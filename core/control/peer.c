/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <core/control/peer.h>

#define MOST_GROUPS 65536 /* NGROUPS_MAX */

static int find_group(const char *name, gid_t *gid, bool *given, struct sl_errors *errors)
{
	const struct group *entry;

	*given = name != NULL;
	if (name == NULL)
		return 0;
	entry = getgrnam(name);
	if (entry == NULL)
		return sl_fail(errors, ENOENT, "control: there is no group `%s`", name);
	*gid = entry->gr_gid;
	return 0;
}

int sl_rights_find(struct sl_rights *rights, const char *admins, const char *readers,
		   struct sl_errors *errors)
{
	int err;

	*rights = (struct sl_rights){0};
	err = find_group(admins, &rights->admins, &rights->admins_given, errors);
	if (err == 0)
		err = find_group(readers, &rights->readers, &rights->readers_given, errors);
	return err;
}

/* The groups that the peer had when it connected: they need no look into any user database, which
 * could take its time. The caller frees. */
static gid_t *groups_of(int fd, unsigned int *count)
{
	socklen_t size = 32 * sizeof(gid_t);
	gid_t *groups = malloc(size);

	*count = 0;
	while (groups != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) {
		gid_t *longer = NULL;

		/* The kernel said how many there are. */
		if (errno == ERANGE && size <= MOST_GROUPS * sizeof(gid_t))
			longer = realloc(groups, size);
		if (longer == NULL) {
			free(groups);
			return NULL;
		}
		groups = longer;
	}
	if (groups != NULL)
		*count = (unsigned int)(size / sizeof(gid_t));
	return groups;
}

static bool in_group(const struct ucred *peer, const gid_t *groups, unsigned int count, gid_t group)
{
	if (peer->gid == group)
		return true;
	for (unsigned int i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static enum sl_role role_of(int fd, const struct ucred *peer, const struct sl_rights *rights)
{
	enum sl_role role = SL_ROLE_NONE;
	unsigned int count;
	gid_t *groups;

	if (peer->uid == 0 || peer->uid == geteuid())
		return SL_ROLE_ADMIN;
	if (!rights->admins_given && !rights->readers_given)
		return SL_ROLE_READ;
	groups = groups_of(fd, &count);
	if (rights->admins_given && in_group(peer, groups, count, rights->admins))
		role = SL_ROLE_ADMIN;
	else if (rights->readers_given && in_group(peer, groups, count, rights->readers))
		role = SL_ROLE_READ;
	free(groups);
	return role;
}

/* For people to read: by the time it is, the process may be another. */
static void read_command(struct sl_peer *peer)
{
	char path[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)peer->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, peer->command, sizeof(peer->command) - 1);
	close(fd);
	peer->command[got > 0 ? got : 0] = '\0';
	peer->command[strcspn(peer->command, "\n")] = '\0';
	for (char *c = peer->command; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
}

void sl_peer_of(int fd, const struct sl_rights *rights, struct sl_peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	*peer = (struct sl_peer){.role = SL_ROLE_NONE, .uid = (uid_t)-1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
		return;
	peer->uid = credentials.uid;
	peer->pid = credentials.pid;
	peer->role = role_of(fd, &credentials, rights);
	if (peer->pid > 0)
		read_command(peer);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cap-ng.h>

#include <core/host/log.h>
#include <core/host/privileges.h>

static int look_up(const struct sl_host_config *config, uid_t *uid, gid_t *gid,
		   struct sl_errors *errors)
{
	const struct passwd *user;
	const struct group *group;

	*uid = geteuid();
	*gid = getegid();
	if (config->user != NULL) {
		user = getpwnam(config->user);
		if (user == NULL)
			return sl_fail(errors, ENOENT, "this machine has no user `%s`",
				       config->user);
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	}
	if (config->group != NULL) {
		group = getgrnam(config->group);
		if (group == NULL)
			return sl_fail(errors, ENOENT, "this machine has no group `%s`",
				       config->group);
		*gid = group->gr_gid;
	}
	return 0;
}

int sl_privileges_drop(const struct sl_host_config *config, bool network, struct sl_errors *errors)
{
	uid_t uid;
	gid_t gid;
	int err;

	if (config->user == NULL && config->group == NULL)
		return 0;
	err = look_up(config, &uid, &gid, errors);
	if (err != 0)
		return err;
	if (uid == geteuid() && gid == getegid())
		return 0;
	if (geteuid() != 0)
		return sl_fail(errors, EPERM,
			       "only root can become user `%s`; start sluice as root, or leave "
			       "`user` and `group` out of the host file",
			       config->user != NULL ? config->user : config->group);
	capng_clear(CAPNG_SELECT_BOTH);
	if (network)
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
			      CAP_NET_RAW, -1);
	/* The C library changes the ids of all threads. Those of the workers lose every
	 * capability with it, as the kernel takes them from whoever stops being root. */
	err = capng_change_id((int)uid, (int)gid,
			      CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	if (err != 0)
		return sl_fail(errors, EPERM, "cannot become user %u, group %u (libcap-ng: %d)",
			       (unsigned int)uid, (unsigned int)gid, err);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return sl_fail(errors, errno, "cannot give up new privileges: %s", strerror(errno));
	sl_log(SL_LOG_INFO, "running as user %u, group %u%s", (unsigned int)uid, (unsigned int)gid,
	       network ? ", with CAP_NET_ADMIN and CAP_NET_RAW" : ", without capabilities");
	return 0;
}

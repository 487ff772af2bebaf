/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cap-ng.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include <core/error/errors.h>
#include <core/port/interface.h>

#define MAX_NAMES 32

int sl_interface_find(const char *name, struct sl_errors *errors)
{
	struct if_nameindex *all;
	const char *names[MAX_NAMES + 1] = {0}, *near;
	char list[512] = "";
	size_t length = 0;

	if (if_nametoindex(name))
		return 0;
	all = if_nameindex();
	for (unsigned int i = 0; all && all[i].if_index && i < MAX_NAMES; i++) {
		names[i] = all[i].if_name;
		if (length < sizeof(list))
			length += snprintf(list + length, sizeof(list) - length, "%s%s",
					   i ? ", " : "", names[i]);
	}
	near = sl_near_miss(name, names);
	if (near)
		sl_fail(errors, ENODEV, "there is no interface %s here; did you mean %s?", name,
			near);
	else
		sl_fail(errors, ENODEV, "there is no interface %s here, only %s", name, list);
	if (all)
		if_freenameindex(all);
	return -ENODEV;
}

/* One ioctl() about an interface. */
static int ask(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	rc = ioctl(fd, request, ifr) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

uint16_t sl_interface_mtu(const char *name)
{
	struct ifreq ifr = {0};

	if (ask(name, SIOCGIFMTU, &ifr) < 0 || ifr.ifr_mtu < 0)
		return 0;
	return ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : ifr.ifr_mtu;
}

int sl_interface_set_mtu(const char *name, uint16_t mtu, struct sl_errors *errors)
{
	struct ifreq ifr = {.ifr_mtu = mtu};
	int rc = ask(name, SIOCSIFMTU, &ifr);

	if (rc < 0)
		return sl_fail(errors, -rc, "interface %s does not take an mtu of %u: %s", name,
			       mtu, strerror(-rc));
	return 0;
}

int sl_interface_mac(const char *name, struct rte_ether_addr *mac, struct sl_errors *errors)
{
	struct ifreq ifr = {0};
	int rc = ask(name, SIOCGIFHWADDR, &ifr);

	if (rc < 0)
		return sl_fail(errors, -rc, "interface %s does not tell its address: %s", name,
			       strerror(-rc));
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER && ifr.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return sl_fail(errors, EINVAL, "interface %s is not one of Ethernet", name);
	memcpy(mac->addr_bytes, ifr.ifr_hwaddr.sa_data, RTE_ETHER_ADDR_LEN);
	return 0;
}

bool sl_interface_running(const char *name)
{
	struct ifreq ifr = {0};

	return ask(name, SIOCGIFFLAGS, &ifr) == 0 && ifr.ifr_flags & IFF_UP &&
	       ifr.ifr_flags & IFF_RUNNING;
}

bool sl_interface_merge(const char *name, bool merge)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GGRO};
	struct ifreq ifr = {.ifr_data = (void *)&value};

	if (ask(name, SIOCETHTOOL, &ifr) < 0 || !!value.data == merge)
		return false;
	value = (struct ethtool_value){.cmd = ETHTOOL_SGRO, .data = merge};
	return ask(name, SIOCETHTOOL, &ifr) == 0;
}

uint16_t sl_interface_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&channels};
	uint32_t count;

	if (ask(name, SIOCETHTOOL, &ifr) < 0)
		return 1;
	/* veth has no combined ones but rx and tx. */
	count = channels.combined_count ? channels.combined_count : channels.rx_count;
	return count < 1 ? 1 : count > 64 ? 64 : count;
}

int sl_interface_up(const char *name, bool *was_up, struct sl_errors *errors)
{
	struct ifreq ifr = {0};
	int rc = ask(name, SIOCGIFFLAGS, &ifr);

	*was_up = rc == 0 && ifr.ifr_flags & IFF_UP;
	if (rc == 0 && !*was_up) {
		ifr.ifr_flags |= IFF_UP;
		rc = ask(name, SIOCSIFFLAGS, &ifr);
	}
	if (rc < 0)
		return sl_fail(errors, -rc, "interface %s cannot be brought up: %s", name,
			       strerror(-rc));
	return 0;
}

void sl_interface_down(const char *name)
{
	struct ifreq ifr = {0};

	if (ask(name, SIOCGIFFLAGS, &ifr) < 0)
		return;
	ifr.ifr_flags &= ~IFF_UP;
	ask(name, SIOCSIFFLAGS, &ifr);
}

bool sl_interface_in_use(const char *name, char *text, unsigned int size)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (one = all; one && !found; one = one->ifa_next) {
		if (!one->ifa_addr || strcmp(one->ifa_name, name) != 0)
			continue;
		if (one->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in *in = (void *)one->ifa_addr;

			found = inet_ntop(AF_INET, &in->sin_addr, text, size);
		} else if (one->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 *in = (void *)one->ifa_addr;

			found = !IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr) &&
				inet_ntop(AF_INET6, &in->sin6_addr, text, size);
		}
	}
	freeifaddrs(all);
	return found;
}

int sl_need_capability(unsigned int capability, const char *what, struct sl_errors *errors)
{
	const char *name = capng_capability_to_name(capability);
	char upper[32] = "";

	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, capability))
		return 0;
	for (unsigned int i = 0; name && name[i] && i < sizeof(upper) - 1; i++)
		upper[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i];
	return sl_fail(errors, EPERM,
		       "%s needs CAP_%s: run as root, or give the program the "
		       "capability (setcap)",
		       what, upper);
}

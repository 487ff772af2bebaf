/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/port/interface.h>
#include <core/port/pci.h>

/* Another root for tests that lay out a sysfs of their own. */
static const char *sysfs(void)
{
	const char *root = getenv("SL_SYSFS");

	return root ? root : "/sys";
}

bool sl_pci_is_address(const char *text)
{
	static const char *const forms[] = {"xxxx:xx:xx.x", "xx:xx.x"};

	for (unsigned int f = 0; f < 2; f++) {
		size_t i = 0;

		while (forms[f][i] && (forms[f][i] == 'x' ? isxdigit((unsigned char)text[i])
							  : text[i] == forms[f][i]))
			i++;
		if (!forms[f][i] && !text[i])
			return true;
	}
	return false;
}

/* The last part of what a link in sysfs points at. */
static bool read_link(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = 0;
	snprintf(name, size, "%s", basename(target));
	return true;
}

static bool device_path(const struct sl_pci *pci, const char *file, char *path)
{
	snprintf(path, PATH_MAX, "%s/bus/pci/devices/%s/%s", sysfs(), pci->address, file);
	return access(path, F_OK) == 0;
}

int sl_pci_find(const char *device, struct sl_pci *pci, struct sl_errors *errors)
{
	char path[PATH_MAX];

	memset(pci, 0, sizeof(*pci));
	if (sl_pci_is_address(device)) {
		snprintf(pci->address, sizeof(pci->address), "%s%s",
			 strlen(device) < 12 ? "0000:" : "", device);
		for (char *c = pci->address; *c; c++)
			*c = tolower((unsigned char)*c);
		if (!device_path(pci, "", path))
			return sl_fail(errors, ENODEV,
				       "there is no PCI device %s here; lspci lists those that are",
				       pci->address);
	} else {
		snprintf(path, sizeof(path), "%s/class/net/%s/device", sysfs(), device);
		if (!read_link(path, pci->address, sizeof(pci->address))) {
			if (sl_interface_find(device, errors) < 0)
				return -ENODEV;
			return sl_fail(errors, ENODEV,
				       "interface %s is no hardware; use kind af-packet or af-xdp",
				       device);
		}
		if (!sl_pci_is_address(pci->address))
			return sl_fail(errors, ENODEV,
				       "interface %s is not on the PCI bus; use kind af-packet or "
				       "af-xdp",
				       device);
	}
	device_path(pci, "driver", path);
	read_link(path, pci->driver, sizeof(pci->driver));
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Let go of the driver it has, and have the one that driver_override names look at it. */
static int move(const struct sl_pci *pci, const char *driver)
{
	char path[PATH_MAX];
	int rc;

	if (device_path(pci, "driver/unbind", path)) {
		rc = write_text(path, pci->address);
		if (rc < 0)
			return rc;
	}
	device_path(pci, "driver_override", path);
	rc = write_text(path, driver);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/bus/pci/drivers_probe", sysfs());
	return write_text(path, pci->address);
}

static bool has_iommu(const struct sl_pci *pci)
{
	char path[PATH_MAX], mode[4] = "";
	FILE *file;

	if (device_path(pci, "iommu_group", path))
		return true;
	snprintf(path, sizeof(path), "%s/module/vfio/parameters/enable_unsafe_noiommu_mode",
		 sysfs());
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(mode, sizeof(mode), file))
		mode[0] = 0;
	fclose(file);
	return mode[0] == 'Y' || mode[0] == '1';
}

int sl_pci_bind(struct sl_pci *pci, const char *driver, struct sl_errors *errors)
{
	char path[PATH_MAX], now[SL_PCI_DRIVER] = "";
	int rc;

	if (!strcmp(pci->driver, driver))
		return 0;
	snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", sysfs(), driver);
	if (access(path, F_OK) < 0)
		return sl_fail(errors, ENODEV,
			       "%s cannot be bound to %s: the kernel has no such driver (modprobe "
			       "%s)",
			       pci->address, driver, driver);
	if (!strcmp(driver, "vfio-pci") && !has_iommu(pci))
		return sl_fail(errors, ENODEV,
			       "%s cannot be bound to vfio-pci: it has no IOMMU group. Turn the "
			       "IOMMU on (firmware, and intel_iommu=on or amd_iommu=on), or, where "
			       "there is none, vfio's enable_unsafe_noiommu_mode",
			       pci->address);
	rc = move(pci, driver);
	if (rc < 0) {
		move(pci, "\n");
		return sl_fail(errors, -rc, "%s cannot be bound to %s: %s%s", pci->address, driver,
			       strerror(-rc), rc == -EACCES || rc == -EPERM ? "; run as root" : "");
	}
	device_path(pci, "driver", path);
	if (!read_link(path, now, sizeof(now)) || strcmp(now, driver) != 0) {
		move(pci, "\n");
		return sl_fail(errors, EIO, "%s was not taken by %s; dmesg tells why", pci->address,
			       driver);
	}
	pci->bound = true;
	return 0;
}

void sl_pci_give_back(struct sl_pci *pci)
{
	char path[PATH_MAX];

	if (!pci->bound)
		return;
	pci->bound = false;
	if (pci->driver[0]) {
		/* An empty override: the driver that claims such devices takes it. */
		move(pci, "\n");
		return;
	}
	if (device_path(pci, "driver/unbind", path))
		write_text(path, pci->address);
	device_path(pci, "driver_override", path);
	write_text(path, "\n");
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/plugin/load.h>
#include <core/plugin/trust.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "name the ELF machine of this architecture"
#endif

/* The loader maps segments without looking whether the file is as long, and dies of it. */
static bool cut_off(int fd, const Elf64_Ehdr *head)
{
	struct stat s;

	if (fstat(fd, &s) != 0 || head->e_phentsize != sizeof(Elf64_Phdr))
		return true;
	for (unsigned int i = 0; i < head->e_phnum; i++) {
		Elf64_Phdr segment;
		off_t at = (off_t)(head->e_phoff + i * sizeof(segment));

		if (at < 0 || pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return true;
		if (segment.p_filesz > (uint64_t)s.st_size ||
		    segment.p_offset > (uint64_t)s.st_size - segment.p_filesz)
			return true;
	}
	return head->e_phnum == 0;
}

/* A shared object for this machine? dlopen() says less clearly what is wrong. */
static int check_elf(int fd, const char *path, struct sl_errors *errors)
{
	Elf64_Ehdr head;
	ssize_t got = pread(fd, &head, sizeof(head), 0);

	if (got < 0)
		return sl_fail(errors, errno, "plugin %s: cannot read it: %s", path,
			       strerror(errno));
	if (got == 0)
		return sl_fail(errors, EINVAL, "plugin %s: the file is empty; build it again",
			       path);
	if (got < (ssize_t)sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return sl_fail(errors, EINVAL,
			       "plugin %s: not a shared object: it has no ELF header; a plugin is "
			       "built with `cc -shared -fPIC` or meson's shared_module()",
			       path);
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != MACHINE)
		return sl_fail(errors, EINVAL,
			       "plugin %s: built for another kind of machine (ELF machine %u, "
			       "this program's is %u)",
			       path, head.e_machine, MACHINE);
	if (head.e_type != ET_DYN)
		return sl_fail(errors, EINVAL,
			       "plugin %s: not a shared object but %s; link it with -shared", path,
			       head.e_type == ET_REL    ? "an object file that was not linked"
			       : head.e_type == ET_EXEC ? "a program"
							: "another kind of ELF file");
	if (cut_off(fd, &head))
		return sl_fail(errors, EINVAL,
			       "plugin %s: the file is cut off or damaged; build or copy it again",
			       path);
	return 0;
}

/*
 * Each field is looked at only once those before it say that it is there. Another ABI may have
 * moved all but the first four.
 */
static int check_fit(const struct sl_plugin *plugin, const char *path, struct sl_errors *errors)
{
	if (plugin->magic != SL_PLUGIN_MAGIC)
		return sl_fail(errors, EINVAL,
			       "plugin %s: its symbol `sl_plugin` is not a sluice plugin's (magic "
			       "%#x, expected %#x); define it with SL_PLUGIN()",
			       path, plugin->magic, SL_PLUGIN_MAGIC);
	if (plugin->abi != SL_PLUGIN_ABI)
		return sl_fail(errors, EINVAL,
			       "plugin %s: built for plugin ABI %u, this sluice %s has ABI %u; "
			       "build the plugin again with the headers of this sluice",
			       path, plugin->abi, SL_VERSION, SL_PLUGIN_ABI);
	if (plugin->size != sizeof(struct sl_plugin) ||
	    plugin->type_size != sizeof(struct sl_node_type))
		return sl_fail(
			errors, EINVAL,
			"plugin %s: its declarations have sizes %u and %u, those of this "
			"sluice %s are %zu and %zu, though both say ABI %u; build the plugin "
			"again with the headers of this sluice",
			path, plugin->size, plugin->type_size, SL_VERSION, sizeof(struct sl_plugin),
			sizeof(struct sl_node_type), SL_PLUGIN_ABI);
	if (plugin->mbuf_size != sizeof(struct rte_mbuf))
		return sl_fail(errors, EINVAL,
			       "plugin %s: built with another DPDK: its struct rte_mbuf has %u "
			       "bytes, this program's %zu; build both with the same DPDK",
			       path, plugin->mbuf_size, sizeof(struct rte_mbuf));
	return 0;
}

/* dlerror() starts with the name the object was opened by, which tells the user nothing. */
static const char *linker_says(const char *name)
{
	const char *text = dlerror();
	size_t length = strlen(name);

	if (text == NULL)
		return "unknown reason";
	if (strncmp(text, name, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		return text + length + 2;
	return text;
}

/*
 * The object is opened through the descriptor of the copy that was checked, so that it cannot be
 * swapped in between. The name says the process too, for debuggers to find the file by it. glibc
 * takes an object of a name it has loaded for the same object: the descriptor stays open meanwhile,
 * so no other can get its number.
 */
static int link_object(struct sl_loaded_plugin *opened, struct sl_errors *errors)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)getpid(), opened->fd);
	opened->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (opened->handle == NULL) {
		const char *reason = linker_says(name);
		bool missing = strstr(reason, "undefined symbol: sl_") != NULL;

		return sl_fail(errors, EINVAL, "plugin %s: it does not load: %s%s", opened->path,
			       reason,
			       missing ? "; it was built for another version of sluice than "
					 "this, " SL_VERSION ": build it again"
				       : "");
	}
	opened->plugin = dlsym(opened->handle, "sl_plugin");
	if (opened->plugin == NULL)
		return sl_fail(errors, EINVAL,
			       "plugin %s: not a sluice plugin: it has no symbol `sl_plugin`; "
			       "define it with SL_PLUGIN()",
			       opened->path);
	return 0;
}

/* Whoever writes the file anew, in place perhaps, must not change the code that runs. */
static int copy_file(struct sl_loaded_plugin *opened, const char *path, struct sl_errors *errors)
{
	const char *slash = strrchr(path, '/');
	int copy = memfd_create(slash != NULL ? slash + 1 : path, MFD_CLOEXEC);
	struct stat s;

	if (copy < 0)
		return sl_fail(errors, errno, "plugin %s: cannot be copied into memory: %s", path,
			       strerror(errno));
	if (fstat(opened->fd, &s) != 0)
		goto fail;
	opened->device = s.st_dev;
	opened->inode = s.st_ino;
	for (off_t at = 0; at < s.st_size;) {
		ssize_t n = sendfile(copy, opened->fd, &at, (size_t)(s.st_size - at));

		if (n < 0)
			goto fail;
		if (n == 0) /* it was cut off meanwhile: check_elf() sees it */
			break;
	}
	close(opened->fd);
	opened->fd = copy;
	return 0;
fail:
	sl_fail(errors, errno, "plugin %s: cannot read it: %s", path, strerror(errno));
	close(copy);
	return -EIO;
}

int sl_plugin_open(const char *path, struct sl_loaded_plugin *opened, struct sl_errors *errors)
{
	int error;

	*opened = (struct sl_loaded_plugin){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	if (opened->fd < 0) {
		error = errno;
		if (error == ENOENT || error == ENOTDIR)
			return -ENOENT;
		return sl_fail(errors, error, "plugin %s: cannot open it: %s", path,
			       strerror(error));
	}
	opened->path = strdup(path);
	error = opened->path == NULL ? sl_fail(errors, ENOMEM, "plugin %s: out of memory", path)
				     : 0;
	if (error == 0)
		error = sl_trust_file(opened->fd, path, errors);
	if (error == 0)
		error = copy_file(opened, path, errors);
	if (error == 0)
		error = check_elf(opened->fd, path, errors);
	if (error == 0)
		error = link_object(opened, errors);
	if (error == 0)
		error = check_fit(opened->plugin, path, errors);
	if (error == 0)
		error = sl_plugin_check(opened->plugin, path, errors);
	if (error != 0)
		sl_plugin_close(opened);
	return error;
}

void sl_plugin_close(struct sl_loaded_plugin *opened)
{
	char name[64];
	void *still;

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)getpid(), opened->fd);
	if (opened->handle != NULL) {
		dlclose(opened->handle);
		/* An object may refuse to go (-z nodelete, thread-locals in use). Its name then
		 * stays taken, and with it the descriptor. */
		still = dlopen(name, RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL);
		if (still != NULL) {
			dlclose(still);
			opened->fd = -1;
		}
	}
	if (opened->fd >= 0)
		close(opened->fd);
	free(opened->path);
	*opened = (struct sl_loaded_plugin){.fd = -1};
}

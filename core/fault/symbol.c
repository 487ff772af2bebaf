/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names for addresses of code. dladdr() knows exported functions only, and nodes are static ones:
 * so the symbol table of the file itself is read, where it was not stripped.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/fault/fault.h>

struct module {
	uintptr_t address; /* asked for */
	uintptr_t base, low, high;
	char file[256];
	bool found;
};

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
	struct module *module = context;

	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + part->p_vaddr, high = low + part->p_memsz;

		if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0 ||
		    module->address < low || module->address >= high)
			continue;
		module->base = info->dlpi_addr;
		module->low = low;
		module->high = high;
		module->found = true;
		snprintf(module->file, sizeof(module->file), "%s",
			 info->dlpi_name != NULL && info->dlpi_name[0] != '\0' ? info->dlpi_name
									       : "/proc/self/exe");
		return 1;
	}
	return 0;
}

bool sl_symbol_module(uintptr_t address, uintptr_t *low, uintptr_t *high)
{
	struct module module = {.address = address};

	dl_iterate_phdr(look, &module);
	if (!module.found)
		return false;
	*low = module.low;
	*high = module.high;
	return true;
}

/* A file in memory, to be read with care: it may be anything. */
struct image {
	const uint8_t *bytes;
	size_t size;
};

static const void *at(const struct image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

/* The function that `offset`, counted from the base, lies in. */
static bool search(const struct image *image, const ElfW(Shdr) * sections, unsigned int count,
		   uint64_t offset, struct sl_symbol *symbol)
{
	for (unsigned int s = 0; s < count; s++) {
		const ElfW(Shdr) *table = &sections[s];
		const ElfW(Sym) * symbols;
		const char *texts;

		if ((table->sh_type != SHT_SYMTAB && table->sh_type != SHT_DYNSYM) ||
		    table->sh_link >= count)
			continue;
		symbols = at(image, table->sh_offset, table->sh_size);
		texts = at(image, sections[table->sh_link].sh_offset,
			   sections[table->sh_link].sh_size);
		for (uint64_t i = 0;
		     symbols != NULL && texts != NULL && i < table->sh_size / sizeof(*symbols);
		     i++) {
			uint64_t room = sections[table->sh_link].sh_size;

			if ((symbols[i].st_info & 0xf) != STT_FUNC ||
			    offset < symbols[i].st_value ||
			    offset - symbols[i].st_value >= symbols[i].st_size ||
			    symbols[i].st_name >= room)
				continue;
			snprintf(symbol->name, sizeof(symbol->name), "%.*s",
				 (int)(room - symbols[i].st_name), texts + symbols[i].st_name);
			symbol->into = offset - symbols[i].st_value;
			return true;
		}
	}
	return false;
}

static bool name_in(const struct image *image, uint64_t offset, struct sl_symbol *symbol)
{
	const ElfW(Ehdr) *header = at(image, 0, sizeof(*header));
	const ElfW(Shdr) * sections;

	if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_shentsize != sizeof(*sections))
		return false;
	sections = at(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	return sections != NULL && search(image, sections, header->e_shnum, offset, symbol);
}

static void name_it(uint64_t offset, struct sl_symbol *symbol)
{
	int fd = open(symbol->file, O_RDONLY | O_CLOEXEC);
	struct image image;
	struct stat about;
	void *bytes;

	if (fd < 0)
		return;
	if (fstat(fd, &about) == 0 && about.st_size > 0) {
		image.size = (size_t)about.st_size;
		bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			image.bytes = bytes;
			name_in(&image, offset, symbol);
			munmap(bytes, image.size);
		}
	}
	close(fd);
}

void sl_symbol_find(uintptr_t address, struct sl_symbol *symbol)
{
	struct module module = {.address = address};

	*symbol = (struct sl_symbol){0};
	dl_iterate_phdr(look, &module);
	if (!module.found)
		return;
	snprintf(symbol->file, sizeof(symbol->file), "%s", module.file);
	symbol->offset = address - module.base;
	name_it(symbol->offset, symbol);
}

/* SPDX-License-Identifier: MIT */
/* Reads .symtab of an ELF file as the System V ABI, chapter 4, lays it out. */
#include "error/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *read_part(FILE *f, uint64_t offset, uint64_t size)
{
	void *part = size < (1ull << 31) ? malloc(size + 1) : NULL;

	if (part && (fseek(f, (long)offset, SEEK_SET) != 0 || fread(part, 1, size, f) != size)) {
		free(part);
		part = NULL;
	}
	if (part)
		((char *)part)[size] = '\0';
	return part;
}

static bool covers(const ElfW(Sym) *symbol, uint64_t value)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_value <= value &&
	       value - symbol->st_value < (symbol->st_size ? symbol->st_size : 1);
}

/* Looks in one symbol table for the function at `value`, an address as linked. */
static bool search_table(FILE *f, const ElfW(Shdr) *table, const ElfW(Shdr) *strings, uint64_t value,
			 char *name, size_t size)
{
	ElfW(Sym) *symbol = read_part(f, table->sh_offset, table->sh_size);
	char *text = read_part(f, strings->sh_offset, strings->sh_size);
	bool found = false;

	for (size_t i = 0; symbol && text && !found && i < table->sh_size / sizeof *symbol; i++) {
		found = covers(&symbol[i], value) && symbol[i].st_name < strings->sh_size;
		if (found)
			snprintf(name, size, "%s", text + symbol[i].st_name);
	}
	free(text);
	free(symbol);
	return found;
}

static bool search_file(FILE *f, uintptr_t base, uintptr_t address, char *name, size_t size)
{
	ElfW(Ehdr) *head = read_part(f, 0, sizeof *head);
	ElfW(Shdr) *section = NULL;
	bool found = false;

	if (head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_shentsize == sizeof *section)
		section = read_part(f, head->e_shoff, (uint64_t)head->e_shnum * sizeof *section);
	for (int i = 0; section && !found && i < head->e_shnum; i++) {
		/* A fixed executable is linked at its address, others at 0. */
		uint64_t value = address - (head->e_type == ET_EXEC ? 0 : base);

		if (section[i].sh_type == SHT_SYMTAB && section[i].sh_link < head->e_shnum)
			found = search_table(f, &section[i], &section[section[i].sh_link], value, name, size);
	}
	free(section);
	free(head);
	return found;
}

static void own_symbol(const char *path, uintptr_t base, uintptr_t address, char *name, size_t size)
{
	FILE *f = fopen(path, "re");

	/* The program's own path may be relative to where it was started. */
	if (!f)
		f = fopen("/proc/self/exe", "re");
	if (!f)
		return;
	search_file(f, base, address, name, size);
	fclose(f);
}

void smi_symbol_name(uintptr_t address, char *name, size_t size)
{
	char function[160] = "";
	Dl_info info;

	if (!dladdr((void *)address, &info) || !info.dli_fname) {
		snprintf(name, size, "?");
		return;
	}
	if (info.dli_sname)
		snprintf(function, sizeof function, "%s", info.dli_sname);
	else
		own_symbol(info.dli_fname, (uintptr_t)info.dli_fbase, address, function, sizeof function);
	snprintf(name, size, "%s%s[%s+%#lx]", function, *function ? "() " : "", info.dli_fname,
		 (unsigned long)(address - (uintptr_t)info.dli_fbase));
}

/* SPDX-License-Identifier: MIT */
/* The build id is a note in the loaded image: System V ABI, chapter 5, "Note
 * Section", and the linker's --build-id. */
#include "os/program.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MOST_BYTES ((SMI_BUILD_ID_SIZE - 1) / 2)

static uint64_t round_up(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static bool is_build_id(const ElfW(Nhdr) *note)
{
	return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
	       memcmp(note + 1, "GNU", 4) == 0 && note->n_descsz > 0;
}

/* Looks in one segment of notes; name and content are padded to `unit`. */
static bool search_notes(const char *at, uint64_t size, uint64_t unit, char *digits)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		uint64_t content = round_up(sizeof *note + note->n_namesz, unit);
		uint64_t end = round_up(content + note->n_descsz, unit);

		if (content + note->n_descsz > size)
			return false;
		if (is_build_id(note)) {
			for (uint32_t i = 0; i < note->n_descsz && i < MOST_BYTES; i++)
				snprintf(digits + 2 * i, 3, "%02x", (unsigned char)at[content + i]);
			return true;
		}
		at += end;
		size -= end < size ? end : size;
	}
	return false;
}

/* Called once: the main program comes first. */
static int search_image(struct dl_phdr_info *image, size_t size, void *digits)
{
	bool found = false;

	(void)size;
	for (int i = 0; i < image->dlpi_phnum && !found; i++) {
		const ElfW(Phdr) *part = &image->dlpi_phdr[i];

		if (part->p_type == PT_NOTE)
			found = search_notes((const char *)(image->dlpi_addr + part->p_vaddr), part->p_memsz,
					     part->p_align == 8 ? 8 : 4, digits);
	}
	return found ? 1 : -1;
}

int smi_program_build_id(char digits[SMI_BUILD_ID_SIZE])
{
	return dl_iterate_phdr(search_image, digits) == 1 ? 0 : -ENOENT;
}

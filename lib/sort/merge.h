/* SPDX-License-Identifier: MIT */
/* Stable merge sort of elements by a function of the caller's. */
#ifndef SMI_SORT_MERGE_H
#define SMI_SORT_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include <sharedmem/sort.h>

struct smi_merge {
	shared_compare_fn compare;
	void *arg;
	bool descending;
	const char *items;   /* not NULL: elements are size_t indices into these */
	size_t size;         /* bytes of an item */
	size_t width;        /* bytes of an element: those of an index, or `size` */
	char *elements;      /* n elements; sorted in place */
	char *spare;         /* room for n elements */
	size_t n;
};

/* Sorts, by up to np threads; 0 or -ENOMEM, and then the elements are as they were. */
int smi_merge_sort(const struct smi_merge *merge, int np);

#endif

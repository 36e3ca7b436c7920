/* SPDX-License-Identifier: MIT */
/* shared_argsort_by, shared_sort_by: the arguments, and what is moved. */
#include <sharedmem/sort.h>

#include <errno.h>
#include <string.h>

#include "sort/crew/scratch.h"
#include "sort/merge.h"
#include "sort/options.h"

enum { LARGE_ITEM = 64 };

static int check(const void *items, size_t n, size_t size, shared_compare_fn compare,
		 const struct shared_sort_options *options)
{
	int r = smi_options_check(options);

	if (r < 0)
		return r;
	if (!compare || (n > 0 && (!items || size == 0)))
		return -EINVAL;
	return n > 0 && n > SIZE_MAX / 16 / size ? -ENOMEM : 0;
}

static int merge_sort(struct smi_merge *m, const struct shared_sort_options *options)
{
	int r;

	m->descending = smi_options_descending(options);
	m->spare = smi_scratch_take(m->n * m->width);
	if (!m->spare)
		return -ENOMEM;
	r = smi_merge_sort(m, smi_options_np(options));
	smi_scratch_give(m->spare);
	return r;
}

int shared_argsort_by(const void *items, size_t n, size_t size, shared_compare_fn compare,
		      void *arg, size_t *order, const struct shared_sort_options *options)
{
	struct smi_merge m = { .compare = compare, .arg = arg, .items = items, .size = size,
			       .width = sizeof *order, .elements = (char *)order, .n = n };
	int r = check(items, n, size, compare, options);

	if (r < 0 || n == 0)
		return -r;
	if (!order)
		return EINVAL;
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	return -merge_sort(&m, options);
}

/* Items that are dear to move are moved once, when their order is known. */
static int sort_large_items(void *items, size_t n, size_t size, shared_compare_fn compare,
			    void *arg, const struct shared_sort_options *options)
{
	size_t *order = smi_scratch_take(n * sizeof *order);
	void *sorted = smi_scratch_take(n * size);
	int r = ENOMEM;

	if (order && sorted)
		r = shared_argsort_by(items, n, size, compare, arg, order, options);
	if (r == 0)
		r = shared_take(sorted, items, size, order, n, options);
	if (r == 0)
		memcpy(items, sorted, n * size);
	smi_scratch_give(order);
	smi_scratch_give(sorted);
	return r;
}

int shared_sort_by(void *items, size_t n, size_t size, shared_compare_fn compare, void *arg,
		   const struct shared_sort_options *options)
{
	struct smi_merge m = { .compare = compare, .arg = arg, .size = size, .width = size,
			       .elements = items, .n = n };
	int r = check(items, n, size, compare, options);

	if (r < 0 || n == 0)
		return -r;
	if (size > LARGE_ITEM)
		return sort_large_items(items, n, size, compare, arg, options);
	return -merge_sort(&m, options);
}

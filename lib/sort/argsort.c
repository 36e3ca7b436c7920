/* SPDX-License-Identifier: MIT */
/* shared_argsort, shared_argsort32, shared_sort: the arguments, and the road
 * that the type takes. */
#include <sharedmem/sort.h>

#include <errno.h>

#include "sort/options.h"
#include "sort/radix.h"

static int argsort(const void *keys, size_t n, enum shared_type type, enum smi_sink sink,
		   void *order, const struct shared_sort_options *options)
{
	struct smi_keys described;
	int r = smi_options_check(options);

	if (r < 0)
		return r;
	if (!smi_keys_init(&described, keys, type, smi_options_descending(options)))
		return -EINVAL;
	if (n > 0 && (!keys || !order))
		return -EINVAL;
	return smi_radix(&described, n, sink, order, options);
}

int shared_argsort(const void *keys, size_t n, enum shared_type type, size_t *order,
		   const struct shared_sort_options *options)
{
	enum smi_sink sink = sizeof(size_t) == 8 ? SMI_TO_INDEX64 : SMI_TO_INDEX32;

	return -argsort(keys, n, type, sink, order, options);
}

int shared_argsort32(const void *keys, size_t n, enum shared_type type, uint32_t *order,
		     const struct shared_sort_options *options)
{
	if (n > (uint64_t)1 << 32)
		return EOVERFLOW;
	return -argsort(keys, n, type, SMI_TO_INDEX32, order, options);
}

int shared_sort(void *keys, size_t n, enum shared_type type,
		const struct shared_sort_options *options)
{
	struct smi_keys described;
	int r = smi_options_check(options);

	if (r < 0)
		return -r;
	if (!smi_keys_init(&described, keys, type, smi_options_descending(options)))
		return EINVAL;
	if (n > 0 && !keys)
		return EINVAL;
	return -smi_radix(&described, n, SMI_TO_KEY, keys, options);
}

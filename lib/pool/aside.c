/* SPDX-License-Identifier: MIT */
#include "pool/aside.h"

#include <stdlib.h>
#include <string.h>

static struct smi_laid *copy_of(const struct smi_item *item, bool failed)
{
	struct smi_laid *laid = malloc(sizeof *laid + item->size);

	if (!laid)
		return NULL;
	*laid = (struct smi_laid){ .job = item->job, .count = item->count, .size = item->size, .failed = failed };
	if (item->size > 0)
		memcpy(laid->data, item->data, item->size);
	return laid;
}

/* Looked for from the end, where it mostly belongs. */
bool smi_aside_put(struct smi_aside *aside, const struct smi_item *item, bool failed)
{
	struct smi_laid *laid = copy_of(item, failed), *before = aside->last;

	if (!laid)
		return false;
	while (before && before->job > item->job)
		before = before->previous;
	laid->previous = before;
	laid->next = before ? before->next : aside->first;
	if (before)
		before->next = laid;
	else
		aside->first = laid;
	if (laid->next)
		laid->next->previous = laid;
	else
		aside->last = laid;
	return true;
}

void smi_aside_drop(struct smi_aside *aside)
{
	struct smi_laid *first = aside->first;

	aside->first = first->next;
	if (first->next)
		first->next->previous = NULL;
	else
		aside->last = NULL;
	free(first);
}

void smi_aside_clear(struct smi_aside *aside)
{
	while (aside->first)
		smi_aside_drop(aside);
}

/* SPDX-License-Identifier: MIT */
#include "queue/inbox.h"

#include <string.h>

void smi_inbox_init(struct smi_inbox *inbox)
{
	atomic_store(&inbox->first, 0);
	atomic_store(&inbox->count, 0);
	atomic_store(&inbox->state, SMI_INBOX_EMPTY);
}

void smi_inbox_put(struct smi_inbox *inbox, const struct smi_again *again, int count)
{
	memcpy(inbox->again, again, (size_t)count * sizeof *again);
	atomic_store(&inbox->first, 0);
	atomic_store(&inbox->count, (uint32_t)count);
	atomic_store(&inbox->state, SMI_INBOX_FULL);
}

bool smi_inbox_take(struct smi_inbox *inbox, struct smi_again *again)
{
	uint32_t full = SMI_INBOX_FULL;

	if (atomic_load_explicit(&inbox->state, memory_order_relaxed) != SMI_INBOX_FULL ||
	    !atomic_compare_exchange_strong(&inbox->state, &full, SMI_INBOX_TAKING))
		return false;
	*again = inbox->again[atomic_load(&inbox->first) % SMI_INBOX_MOST];
	return true;
}

void smi_inbox_taken(struct smi_inbox *inbox)
{
	uint32_t first = atomic_load(&inbox->first) + 1;

	atomic_store(&inbox->first, first);
	atomic_store(&inbox->state, first < atomic_load(&inbox->count) ? SMI_INBOX_FULL : SMI_INBOX_EMPTY);
}

/* At most SMI_INBOX_MOST, whatever the worker wrote. */
static int copy_left(const struct smi_inbox *inbox, struct smi_again *again)
{
	uint32_t first = atomic_load(&inbox->first), count = atomic_load(&inbox->count);

	if (count > SMI_INBOX_MOST || first >= count)
		return 0;
	memcpy(again, inbox->again + first, (count - first) * sizeof *again);
	return (int)(count - first);
}

int smi_inbox_retract(struct smi_inbox *inbox, struct smi_again *again)
{
	uint32_t full = SMI_INBOX_FULL;

	if (!atomic_compare_exchange_strong(&inbox->state, &full, SMI_INBOX_EMPTY))
		return 0;
	return copy_left(inbox, again);
}

int smi_inbox_left(const struct smi_inbox *inbox, struct smi_again *again)
{
	return atomic_load(&inbox->state) == SMI_INBOX_EMPTY ? 0 : copy_left(inbox, again);
}

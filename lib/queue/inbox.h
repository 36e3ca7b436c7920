/* SPDX-License-Identifier: MIT */
/* Jobs to run again, from the master to one worker, which takes them before new
 * ones. In shared memory; the master writes it while it is EMPTY, the worker while
 * it is TAKING, so what a dead worker had not taken is still there. */
#ifndef SMI_QUEUE_INBOX_H
#define SMI_QUEUE_INBOX_H

#include "queue/queue.h"

#define SMI_INBOX_MOST 4

enum smi_inbox_state { SMI_INBOX_EMPTY, SMI_INBOX_FULL, SMI_INBOX_TAKING };

/* Ids to run again, and how many tries the first of them has used. */
struct smi_again {
	struct smi_range range;
	uint32_t tries;
};

struct smi_inbox {
	_Atomic uint32_t state;
	_Atomic uint32_t first, count; /* which of `again` are left */
	struct smi_again again[SMI_INBOX_MOST];
};

void smi_inbox_init(struct smi_inbox *inbox);

/* The master's, of an empty one. */
void smi_inbox_put(struct smi_inbox *inbox, const struct smi_again *again, int count);

/* The master's: takes back what a live worker has not begun to take. How many
 * ranges, stored in again[SMI_INBOX_MOST]. */
int smi_inbox_retract(struct smi_inbox *inbox, struct smi_again *again);

/* The worker's: whether there is something, and then it is for the worker alone:
 * `again` is the next range, to be recorded in the claim before smi_inbox_taken. */
bool smi_inbox_take(struct smi_inbox *inbox, struct smi_again *again);
void smi_inbox_taken(struct smi_inbox *inbox);

/* The master's: what has not been taken; of a dead worker, also what it was taking. */
int smi_inbox_left(const struct smi_inbox *inbox, struct smi_again *again);

#endif

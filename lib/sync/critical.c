/* SPDX-License-Identifier: MIT */
/* After Drepper, "Futexes Are Tricky" (2011), mutex 2, with the owner in the word,
 * the mark of sleepers beside it, and an exponential back-off before the sleep. */
#include "sync/critical.h"

#include <limits.h>

#include "os/futex.h"

#define THE_MASTERS UINT32_MAX
#define BACKOFF_MAX 64
#define SPINS 200

void smi_critical_init(struct smi_critical *critical)
{
	atomic_store(&critical->word, 0);
	atomic_store(&critical->sleepers, 0);
	atomic_store(&critical->stop, 0);
}

static bool take(struct smi_critical *critical, uint32_t mine)
{
	uint32_t free = 0;

	return atomic_load_explicit(&critical->word, memory_order_relaxed) == 0 &&
	       atomic_compare_exchange_strong_explicit(&critical->word, &free, mine, memory_order_acquire,
						       memory_order_relaxed);
}

static bool stopped(struct smi_critical *critical)
{
	return atomic_load_explicit(&critical->stop, memory_order_relaxed);
}

/* Tries while the owner may be about to leave. Looks with plain loads, so that
 * the owner keeps its cache line; each failed look backs off further. */
static int spin_for(struct smi_critical *critical, uint32_t mine)
{
	for (int i = 0, pauses = 1; i < SPINS && !stopped(critical); i++) {
		if (take(critical, mine))
			return 0;
		for (int p = 0; p < pauses; p++)
			smi_pause();
		pauses = pauses < BACKOFF_MAX ? 2 * pauses : BACKOFF_MAX / 4;
	}
	return 1;
}

/* Whoever has slept takes it with the mark set: others may sleep still. */
static int sleep_for(struct smi_critical *critical, uint32_t mine)
{
	while (!stopped(critical)) {
		uint32_t seen;

		atomic_store(&critical->sleepers, 1);
		if (take(critical, mine))
			return 0;
		seen = atomic_load(&critical->word);
		if (seen != 0)
			smi_futex_wait(&critical->word, seen, SMI_CRITICAL_NAP);
	}
	return -1;
}

int smi_critical_wait(struct smi_critical *critical, int rank, bool spin)
{
	uint32_t mine = (uint32_t)rank + 1;

	if (spin && spin_for(critical, mine) == 0)
		return 0;
	return sleep_for(critical, mine);
}

void smi_critical_wake(struct smi_critical *critical)
{
	atomic_store(&critical->sleepers, 0);
	smi_futex_wake(&critical->word, 1);
}

void smi_critical_stop(struct smi_critical *critical)
{
	atomic_store(&critical->stop, 1);
	smi_futex_wake(&critical->word, INT_MAX);
}

void smi_critical_close(struct smi_critical *critical, uint64_t timeout)
{
	uint64_t until = smi_now() + timeout;

	while (!take(critical, THE_MASTERS)) {
		uint32_t seen;

		atomic_store(&critical->sleepers, 1);
		seen = atomic_load(&critical->word);
		if (seen == THE_MASTERS || smi_now() >= until)
			return;
		if (seen != 0)
			smi_futex_wait(&critical->word, seen, SMI_CRITICAL_NAP);
	}
}

bool smi_critical_held_by(struct smi_critical *critical, int rank)
{
	return atomic_load(&critical->word) == (uint32_t)rank + 1;
}

void smi_critical_seize(struct smi_critical *critical, int rank)
{
	uint32_t owner = (uint32_t)rank + 1;

	atomic_compare_exchange_strong(&critical->word, &owner, THE_MASTERS);
}

void smi_critical_free(struct smi_critical *critical, int rank)
{
	uint32_t owner = (uint32_t)rank + 1;

	if (atomic_compare_exchange_strong(&critical->word, &owner, 0))
		smi_critical_wake(critical);
}

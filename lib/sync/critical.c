/* SPDX-License-Identifier: MIT */
/* After Drepper, "Futexes Are Tricky" (2011), mutex 2, with the owner in the word
 * and an exponential back-off before the sleep. */
#include "sync/critical.h"

#include "os/futex.h"

#define SLEEPERS 2u
#define BACKOFF_MAX 16
#define SPINS 200

void smi_critical_init(struct smi_critical *critical)
{
	atomic_store(&critical->word, 0);
}

static bool take(struct smi_critical *critical, uint32_t seen, uint32_t mine)
{
	return atomic_compare_exchange_strong_explicit(&critical->word, &seen, mine, memory_order_acquire,
						       memory_order_relaxed);
}

/* Tries while the owner may be about to leave. Looks with plain loads, so that
 * the owner keeps its cache line; each failed look backs off further. */
static int spin_for(struct smi_critical *critical, uint32_t mine)
{
	for (int i = 0, pauses = 1; i < SPINS; i++) {
		uint32_t seen = atomic_load_explicit(&critical->word, memory_order_relaxed);

		if (seen & SMI_STOP)
			return -1;
		if (seen == 0 && take(critical, 0, mine))
			return 0;
		for (int p = 0; p < pauses; p++)
			smi_pause();
		pauses = pauses < BACKOFF_MAX ? 2 * pauses : BACKOFF_MAX / 4;
	}
	return 1;
}

/* Whoever has slept takes it with SLEEPERS set: others may sleep still. */
static int sleep_for(struct smi_critical *critical, uint32_t mine)
{
	for (;;) {
		uint32_t seen = atomic_load_explicit(&critical->word, memory_order_relaxed);

		if (seen & SMI_STOP)
			return -1;
		if (seen == 0) {
			if (take(critical, 0, mine | SLEEPERS))
				return 0;
		} else if ((seen & SLEEPERS) ||
			   atomic_compare_exchange_strong(&critical->word, &seen, seen | SLEEPERS)) {
			smi_futex_wait(&critical->word, seen | SLEEPERS, UINT64_MAX);
		}
	}
}

int smi_critical_wait(struct smi_critical *critical, int rank, bool spin)
{
	uint32_t mine = smi_critical_owned_by(rank);
	int r = spin ? spin_for(critical, mine) : 1;

	return r == 1 ? sleep_for(critical, mine) : r;
}

/* Somebody sleeps on it, or the map is ending. */
void smi_critical_pass_on(struct smi_critical *critical)
{
	atomic_fetch_and(&critical->word, SMI_STOP);
	smi_futex_wake(&critical->word, 1);
}

void smi_critical_stop(struct smi_critical *critical)
{
	smi_futex_stop(&critical->word);
}

bool smi_critical_held_by(struct smi_critical *critical, int rank)
{
	uint32_t word = atomic_load(&critical->word);

	return (word & ~(SMI_STOP | SLEEPERS)) == smi_critical_owned_by(rank);
}

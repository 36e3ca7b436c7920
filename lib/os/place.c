/* SPDX-License-Identifier: MIT */
/* The word says who was first: a child that already runs is not put anywhere, and
 * a child that is being put waits until it has the parent's mask again. */
#include "os/place.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

#include "os/futex.h"
#include "os/io.h"

enum { UNTOUCHED, PUTTING, PUT, RUNS };

/* Whether anything besides this thread wants a CPU now: the fourth number of
 * /proc/loadavg, before its slash. A child that was put beside it would wait for
 * the end of its time slice, some milliseconds. */
static bool others_run(void)
{
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC), running = 0;
	char text[64] = "";

	if (fd >= 0 && smi_read_full(fd, text, sizeof text - 1) > 0 &&
	    sscanf(text, "%*s %*s %*s %d/", &running) != 1)
		running = 0;
	smi_close(fd);
	return running != 1;
}

void smi_places_find(struct smi_places *places, int np)
{
	places->count = 0;
	if (np < 2 || sched_getaffinity(0, sizeof places->mask, &places->mask) < 0 ||
	    CPU_COUNT(&places->mask) != np || others_run())
		return;
	places->own = sched_getcpu();
	if (places->own >= 0 && CPU_ISSET(places->own, &places->mask))
		places->count = np;
}

/* The rank-th CPU that is not the parent's; the parent's for the last rank. */
static int cpu_of(const struct smi_places *places, int rank)
{
	for (int cpu = 0; cpu < CPU_SETSIZE && rank < places->count - 1; cpu++)
		if (CPU_ISSET(cpu, &places->mask) && cpu != places->own && rank-- == 0)
			return cpu;
	return places->own;
}

void smi_places_put(const struct smi_places *places, int rank, pid_t pid, _Atomic uint32_t *word)
{
	uint32_t untouched = UNTOUCHED;
	cpu_set_t one;

	if (places->count == 0 || !atomic_compare_exchange_strong(word, &untouched, PUTTING))
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu_of(places, rank), &one);
	if (sched_setaffinity(pid, sizeof one, &one) == 0)
		sched_setaffinity(pid, sizeof places->mask, &places->mask);
	atomic_store(word, PUT);
}

void smi_places_leave(const struct smi_places *places, _Atomic uint32_t *word)
{
	uint32_t was = UNTOUCHED;

	if (places->count == 0 || atomic_compare_exchange_strong(word, &was, RUNS))
		return;
	while (atomic_load(word) == PUTTING)
		smi_pause();
}

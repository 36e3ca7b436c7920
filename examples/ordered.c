/* SPDX-License-Identifier: MIT */
/* ordered: jobs run side by side, but each writes its line when its turn has
 * come, so the lines are in the order of the jobs. Here each job looks among a
 * thousand numbers for the one whose Collatz sequence takes the most steps to 1,
 * and writes it where that is a new record. */
#include <stdint.h>
#include <stdio.h>

#include <sharedmem.h>

enum { JOBS = 200, NUMBERS = 1000 /* a job */ };

/* What the ordered sections keep, in memory that all workers see. */
struct record {
	size_t turn;    /* the job that comes next */
	unsigned steps; /* the most so far */
	uint64_t number;
};

static unsigned collatz_steps(uint64_t number)
{
	unsigned steps = 0;

	for (; number > 1; steps++)
		number = number % 2 ? 3 * number + 1 : number / 2;
	return steps;
}

static int search(struct pool_worker *self, size_t job, void *arg)
{
	struct record *record = arg, best = { .turn = job };
	bool in_turn = false;

	for (uint64_t number = job * NUMBERS + 1; number <= (job + 1) * NUMBERS; number++) {
		unsigned steps = collatz_steps(number);

		if (steps > best.steps) {
			best.steps = steps;
			best.number = number;
		}
	}
	POOL_ORDERED(self) {
		in_turn = record->turn++ == job;
		if (best.steps <= record->steps)
			break; /* leaves the section */
		record->steps = best.steps;
		record->number = best.number;
		printf("%7llu %4u steps\n", (unsigned long long)best.number, best.steps);
		fflush(stdout); /* each worker has a buffer of its own */
	}
	return in_turn ? 0 : pool_fail(self, "job %zu was not in its turn", job);
}

int main(void)
{
	struct record *record = shared_empty(1, sizeof *record);
	struct pool *pool = pool_open(NULL);
	int r = 1;

	if (!record)
		perror("ordered");
	else if (!pool || pool_map(pool, JOBS, search, NULL, record))
		pool_report(pool, stderr);
	else /* the record below 200,000 is well known */
		r = record->turn != JOBS || record->number != 156159 || record->steps != 382;
	pool_close(pool);
	shared_free(record);
	return r;
}

/* SPDX-License-Identifier: MIT */
/* What is mapped inside somebody else's program. */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include "testing.h"

#include <signal.h>
#include <unistd.h>

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };

/* Maps a ledger of 500 jobs; 0 when all is right. For scenarios in a child. */
static inline int map_well(struct pool *pool)
{
	struct ledger ledger;
	const char *wrong;
	int status;

	ledger_open(&ledger, 500, 0);
	status = pool_map(pool, 500, ledger_work, ledger_reduce, &ledger);
	wrong = status ? pool_error(pool)->message : ledger_complete(&ledger);
	if (wrong)
		fprintf(stderr, "%s: %s\n", pool_status_name(status), wrong);
	ledger_close(&ledger);
	return wrong != NULL;
}

static inline int die_at_7(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	if (job == 7)
		kill(getpid(), SIGKILL);
	return 0;
}

#endif

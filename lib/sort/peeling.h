/* SPDX-License-Identifier: MIT */
/* Keys of frequent values counted, the others' records side by side. */
#ifndef SMI_SORT_PEELING_H
#define SMI_SORT_PEELING_H

#include "sort/job.h"

#define SMI_PEEL_PARTS 64

struct smi_peeling {
	struct smi_job *job;
	struct smi_frequent frequent;
	size_t parts;
	struct smi_peeled peeled[SMI_PEEL_PARTS];
	char *rest;       /* records of job->width bytes, in input order; in job->scratch */
	size_t rest_n;
	uint8_t *mark;    /* argsort: of each key, as smi_kernel.peel has it; in job->scratch */
};

/* Peels the job's keys: the records are images, or, for argsort, what its plan's pack
 * says. False when there is no memory. */
bool smi_peeling_run(struct smi_peeling *p);

/* Keys of frequent image j. */
size_t smi_peeling_count(const struct smi_peeling *p, size_t j);

#endif

/* SPDX-License-Identifier: MIT */
/* Argsort of keys of which many have one of a few values: only the others are
 * sorted. */
#ifndef SMI_SORT_APART_H
#define SMI_SORT_APART_H

#include "sort/job.h"

/* Writes the indices that sort job->n keys, if a sample says that a few values are
 * those of most keys. 0; or 1 when it says no, or there is too little memory. */
int smi_apart_argsort(struct smi_job *job);

#endif

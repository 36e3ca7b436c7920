/* SPDX-License-Identifier: MIT */
/* Keys that lie in order already, or in reverse. */
#ifndef SMI_SORT_STRAIGHT_H
#define SMI_SORT_STRAIGHT_H

#include "sort/job.h"

/* When the keys are in order, or in reverse order, writes the sink and returns
 * true. Keys are read until the order is broken: for most inputs a few. */
bool smi_straight(struct smi_job *job);

#endif

/* SPDX-License-Identifier: MIT */
/* The parts of mending: what a death leaves (leave.c), successors (mend.c), and live
 * workers who take over where there will be none (lend.c). */
#ifndef SMI_POOL_MEND_H
#define SMI_POOL_MEND_H

#include "pool/master.h"

/* The master is to look again after so many ns at the latest. */
void smi_master_be_patient(struct smi_master *master, uint64_t most);

/* Finds what those who died while they claimed had got, and lists it for them. False:
 * a live worker is claiming; look again soon. */
bool smi_master_search(struct smi_master *master);

/* Gives what vacant ranks leave to live workers, or ends the map when nobody can
 * take it. */
void smi_lend(struct smi_master *master);

/* Sets the bound of a vacant rank to what is still to be taken from it. */
void smi_lend_update(struct smi_master *master, int rank);

#endif

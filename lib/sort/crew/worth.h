/* SPDX-License-Identifier: MIT */
/* Whether work is worth sharing with helpers.
 *
 * What these cost depends on the machine, and changes while a program runs: one that sleeps must
 * wake, and what a thread has written must come to the CPU of the one that reads it. How long a
 * helper takes to wake, and how far away it is (the way of a line of memory there and back: 50 ns
 * between two cores that share a cache, 500 between two sockets), is measured now and then. */
#ifndef SMI_SORT_WORTH_H
#define SMI_SORT_WORTH_H

#include <stdbool.h>
#include <stdint.h>

/* Of np threads, as many as are to share work that takes one of them about `ns`; helpers may
 * be asleep. */
int smi_worth_threads(int np, uint64_t ns, bool asleep);

/* A helper woke up after so many ns. */
void smi_worth_woken(uint64_t ns);

/* The caller asks how far away a helper is, one of np - 1 that look on: every 10 ms at most.
 * The one who is asked answers. */
void smi_worth_ask(int np);
void smi_worth_answer(int rank);

/* The way of a line to helpers and back, in ns; 0: it is not known. */
uint64_t smi_worth_way(void);

/* For tests: what a thread must have to do from now on, in ns, whatever is measured; where
 * helpers look on, and where they sleep. 0: what is measured. */
void smi_worth_assume(uint64_t awake, uint64_t asleep);

#endif

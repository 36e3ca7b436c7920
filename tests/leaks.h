/* SPDX-License-Identifier: MIT */
/* A checked fixture: a test must leave no child, no descriptor, no name in
 * /dev/shm that it did not find. */
#ifndef TESTS_LEAKS_H
#define TESTS_LEAKS_H

/* Notes what there is. Orphans of this process come back to it from now on, so
 * that a worker that outlived its master is found too. */
void leaks_begin(void);

/* Asserts that nothing was added or lost since leaks_begin. */
void leaks_end(void);

#endif

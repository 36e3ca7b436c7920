/* SPDX-License-Identifier: MIT */
/* One suite a part of the library. */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

Suite *map_suite(void);
Suite *values_suite(void);
Suite *ring_suite(void);
Suite *order_suite(void);
Suite *schedule_suite(void);
Suite *sections_suite(void);
Suite *death_suite(void);
Suite *cancel_suite(void);
Suite *host_suite(void);
Suite *array_suite(void);
Suite *journal_suite(void);
Suite *resume_suite(void);
Suite *scribble_suite(void);
Suite *guests_suite(void);
Suite *env_suite(void);
Suite *api_suite(void);
Suite *retries_suite(void);
Suite *amid_suite(void);
Suite *retried_values_suite(void);
Suite *successors_suite(void);
Suite *newborn_suite(void);
Suite *timeouts_suite(void);
Suite *limits_suite(void);
Suite *replay_suite(void);
Suite *next_map_suite(void);
Suite *start_suite(void);
Suite *strays_suite(void);
Suite *examples_suite(void);
Suite *fault_suite(void);
Suite *sort_suite(void);

/* What `check probe-...` does instead of testing: the environment is read when
 * a program starts, so some tests start this one again. */
int env_probe(const char *what);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TEST_SORT_H
#define TEST_SORT_H

#include <check.h>

/* test_sort.c's suite includes those of the other files. */
Suite *sort_suite(void);
TCase *sort_arithmetic_tests(void);
TCase *sort_by_tests(void);
TCase *sort_bytes_tests(void);
TCase *sort_crew_tests(void);
TCase *sort_far_tests(void);
TCase *sort_map_tests(void);
TCase *sort_memory_tests(void);
TCase *sort_near_tests(void);
TCase *sort_peel_tests(void);
TCase *sort_records_tests(void);
TCase *sort_runs_tests(void);
TCase *sort_straight_tests(void);
TCase *sort_signs_tests(void);
TCase *sort_split_tests(void);
TCase *sort_stray_tests(void);
TCase *sort_values_tests(void);

#endif

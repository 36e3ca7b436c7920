/* SPDX-License-Identifier: MIT */
#ifndef TEST_SORT_H
#define TEST_SORT_H

#include <check.h>

/* test_sort.c's suite includes those of test_sort_by.c. */
Suite *sort_suite(void);
TCase *sort_by_tests(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TEST_JOURNAL_H
#define TEST_JOURNAL_H

#include <check.h>

/* What the other files add to test_journal.c's suite. */
void journal_damage_tests(Suite *suite);
void journal_refusal_tests(Suite *suite);

#endif

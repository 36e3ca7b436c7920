/* SPDX-License-Identifier: MIT */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include <check.h>

/* What the other files add to test_host.c's suite. */
void host_signal_tests(Suite *suite);
void host_stream_tests(Suite *suite);

#endif

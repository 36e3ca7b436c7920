/* SPDX-License-Identifier: MIT */
#include "error/failures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct smi_failures *failures)
{
	size_t room = failures->room ? 2 * failures->room : 16;
	struct pool_error *list;

	if (failures->count < failures->room)
		return 0;
	list = realloc(failures->list, room * sizeof *list);
	if (!list)
		return -ENOMEM;
	failures->list = list;
	failures->room = room;
	return 0;
}

int smi_failures_add(struct smi_failures *failures, const struct pool_error *error)
{
	size_t message = strlen(error->message) + 1, backtrace = strlen(error->backtrace) + 1;
	struct pool_error *copy;
	char *text;

	if (make_room(failures) < 0)
		return -ENOMEM;
	text = malloc(message + backtrace);
	if (!text)
		return -ENOMEM;
	copy = &failures->list[failures->count++];
	*copy = *error;
	memcpy(text, error->message, message);
	memcpy(text + message, error->backtrace, backtrace);
	copy->message = text;
	copy->backtrace = text + message;
	return 0;
}

static int by_job(const void *a, const void *b)
{
	size_t x = ((const struct pool_error *)a)->job, y = ((const struct pool_error *)b)->job;

	return (x > y) - (x < y);
}

void smi_failures_sort(struct smi_failures *failures)
{
	if (failures->count > 1)
		qsort(failures->list, failures->count, sizeof *failures->list, by_job);
}

void smi_failures_clear(struct smi_failures *failures)
{
	for (size_t i = 0; i < failures->count; i++)
		free((char *)failures->list[i].message);
	free(failures->list);
	*failures = (struct smi_failures){ 0 };
}

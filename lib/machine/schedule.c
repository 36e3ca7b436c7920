/* SPDX-License-Identifier: MIT */
#include "machine/schedule.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sharedmem/env.h>

static bool known_kind(const char *name, size_t length, enum pool_schedule *schedule)
{
	static const struct {
		const char *name;
		enum pool_schedule schedule;
	} kind[] = { { "static", POOL_STATIC },
		     { "dynamic", POOL_DYNAMIC },
		     { "guided", POOL_GUIDED },
		     { "auto", POOL_DYNAMIC } };

	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
		if (length == strlen(kind[i].name) && strncasecmp(name, kind[i].name, length) == 0) {
			*schedule = kind[i].schedule;
			return true;
		}
	}
	return false;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static bool parse(const char *s, enum pool_schedule *schedule, size_t *chunk)
{
	const char *colon = strchr(s, ':');
	char *end;

	if (colon)
		s = colon + 1;
	s = skip_blanks(s);
	if (!known_kind(s, strcspn(s, ", \t"), schedule))
		return false;
	s = skip_blanks(s + strcspn(s, ", \t"));
	if (*s == '\0')
		return true;
	s = skip_blanks(s + 1);
	errno = 0;
	*chunk = strtoull(s, &end, 10);
	return isdigit((unsigned char)*s) && errno == 0 && *chunk > 0 && *skip_blanks(end) == '\0';
}

bool smi_env_schedule(enum pool_schedule *schedule, size_t *chunk)
{
	const char *value = getenv("OMP_SCHEDULE");
	enum pool_schedule said = POOL_DYNAMIC;
	size_t number = 0;
	bool ok = !value || parse(value, &said, &number);

	*schedule = ok ? said : POOL_DYNAMIC;
	*chunk = ok ? number : 0;
	return ok;
}

bool smi_env_backend(enum pool_backend *backend)
{
	const char *value = getenv("SHAREDMEM_BACKEND");

	*backend = POOL_FORK;
	if (!value || strcmp(value, "fork") == 0)
		return true;
	if (strcmp(value, "thread") == 0)
		*backend = POOL_THREAD;
	else if (strcmp(value, "serial") == 0)
		*backend = POOL_SERIAL;
	return *backend != POOL_FORK;
}

static bool parse_number(const char *s, char end, const char **rest, uint64_t *number)
{
	char *stop;

	errno = 0;
	*number = strtoull(s, &stop, 10);
	*rest = stop + 1;
	return isdigit((unsigned char)*s) && errno == 0 && *number < UINT64_MAX && *stop == end;
}

bool smi_env_only(uint64_t *map, uint64_t *job)
{
	const char *value = getenv("SHAREDMEM_ONLY"), *rest;

	*map = 0;
	if (!value)
		return false;
	if (!strchr(value, ':'))
		return parse_number(value, '\0', &rest, job);
	return parse_number(value, ':', &rest, map) && *map > 0 && parse_number(rest, '\0', &rest, job);
}

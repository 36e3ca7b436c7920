#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that used OpenMP before it maps, and jobs that use it: without a pause of
# its threads libgomp's first region in a worker waits for ever.
build=$1 CC=${CC:-cc}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cat > "$dir/program.c" << 'END'
#include <omp.h>
#include <sharedmem.h>

static long count(void)
{
	long n = 0;

#pragma omp parallel num_threads(2) reduction(+ : n)
	n += 1;
	return n;
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	long n = omp_get_max_threads() + 10 * count();

	(void)job, (void)arg;
	return pool_return(self, &n, sizeof n);
}

int main(void)
{
	long n[8];
	struct pool *pool = pool_open(&(struct pool_options){ .np = 2, .retries = 1 });

	for (int round = 0; round < 3; round++) {
		if (count() != 2 || pool_collect(pool, 8, work, n, sizeof *n, NULL))
			return 1;
		for (int i = 0; i < 8; i++)
			if (n[i] != 21)
				return 2;
	}
	pool_close(pool);
	return count() != 2;
}
END
if ! $CC -fopenmp -Iinclude "$dir/program.c" "$build/libsharedmem.a" -o "$dir/program" -pthread -lm 2> "$dir/why"; then
	echo 'int main(void) { return 0; }' > "$dir/none.c"
	if $CC -fopenmp "$dir/none.c" -o "$dir/none" 2> /dev/null; then
		cat "$dir/why"; exit 1
	fi
	echo "openmp: $CC has no OpenMP, not tested"; exit 0
fi
timeout 30 "$dir/program" || { echo "openmp: failed with $?"; exit 1; }
echo "openmp: jobs may use it"

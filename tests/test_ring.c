/* SPDX-License-Identifier: MIT */
/* Values that go round in the ring: first with the pipe alone, both its ends in turn,
 * so that every way to meet the end of a part is taken; then with pools. */
#include <stdlib.h>
#include <string.h>

#include "suites.h"
#include "testing.h"

#include "pipe/reader.h"
#include "pipe/writer.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char *get(size_t size)
{
	char *memory = aligned_alloc(64, size);

	ck_assert_ptr_nonnull(memory);
	return memset(memory, 0, size);
}

struct ends {
	struct smi_pipe_words words;
	struct smi_pipe pipe;
	_Atomic uint32_t attention;
	struct smi_writer writer;
	struct smi_reader reader;
	uint64_t random, sent, got, wrong; /* Check writes a file for each assertion: these are counted */
	size_t size[64]; /* of what is on its way */
	int most;        /* kind of sizes */
};

static void open_ends(struct ends *ends, size_t first, size_t size)
{
	struct smi_bell bell = { -1, &ends->attention };

	ends->pipe = (struct smi_pipe){ .words = &ends->words, .inline_most = size / 4, .file = -1 };
	ends->pipe.ring = (struct smi_ring){ get(first + 64), get(size), first, size };
	smi_pipe_reset(&ends->pipe);
	smi_writer_init(&ends->writer, &ends->pipe, &bell, false);
	smi_reader_init(&ends->reader, &ends->pipe, UINT64_MAX / 2);
}

static void close_ends(struct ends *ends)
{
	smi_writer_fini(&ends->writer);
	free(ends->pipe.ring.first);
	free(ends->pipe.ring.memory);
}

/* Runs of one size, mostly; so long that they are cut, too. */
static size_t next_size(struct ends *ends)
{
	static const size_t sizes[] = { 8, 8, 0, 1, 16, 17, 255, 256, 257, 700 };

	if (test_random(&ends->random) % 100 < 3)
		ends->most = (int)(test_random(&ends->random) % COUNT(sizes));
	return sizes[ends->most];
}

/* By pieces, by bytes, or at once. What is free may be too little for the last piece:
 * so much of a larger value would go to a slab. */
static void send(struct ends *ends)
{
	static const size_t pieces[] = { 1, 100, SIZE_MAX };
	size_t size = next_size(ends), piece = pieces[size > SMI_RUN_VALUE_MOST ? 2 : ends->random % 3];

	ends->size[ends->sent % COUNT(ends->size)] = size;
	for (size_t done = 0; done < size; done += piece) {
		size_t n = piece < size - done ? piece : size - done;
		char *space = smi_writer_append(&ends->writer, n);

		if (space)
			memset(space, (int)(ends->sent * 7 % 251), n);
		ends->wrong += !space;
	}
	ends->wrong += smi_writer_commit(&ends->writer, ends->sent++) != 0;
}

static bool receive(struct ends *ends)
{
	struct smi_item item;
	const char *bytes;
	int r = smi_reader_next(&ends->reader, &item);

	ends->wrong += r < 0;
	if (r <= 0)
		return false;
	for (uint64_t i = 0; i < item.count; i++, ends->got++)
		ends->wrong += item.job + i != ends->got || item.size != ends->size[ends->got % COUNT(ends->size)];
	bytes = item.data;
	ends->wrong += (uintptr_t)bytes % SMI_ALIGN != 0;
	for (size_t i = 0; i < item.size; i++)
		ends->wrong += (unsigned char)bytes[i] != item.job * 7 % 251;
	smi_reader_done(&ends->reader, &item);
	return true;
}

/* Bytes that what is on its way may take, with what a wrap leaves unused. */
static bool has_room(const struct ends *ends)
{
	return ends->sent - ends->got < COUNT(ends->size) - 1 &&
	       ends->writer.tail - ends->reader.head + 4 * 1024 + SMI_RUN_BYTES < ends->pipe.ring.size;
}

/* _i: the first part's size. */
START_TEST(what_goes_round_arrives_whole_and_in_order)
{
	static const size_t firsts[] = { 0, 1024, 4096, 16384 };

	for (size_t size = 16384; size <= 65536; size *= 4) {
		struct ends *ends = calloc(1, sizeof *ends);

		open_ends(ends, firsts[_i], size);
		for (int turn = 0; turn < 20000; turn++) {
			uint64_t some = test_random(&ends->random) % 60;

			for (uint64_t i = 0; i < some && has_room(ends); i++)
				send(ends);
			some = test_random(&ends->random) % 60;
			for (uint64_t i = 0; i < some && receive(ends); i++)
				;
			smi_reader_publish(&ends->reader);
		}
		while (receive(ends))
			;
		ck_assert_uint_eq(ends->wrong, 0);
		ck_assert_uint_eq(ends->got, ends->sent);
		ck_assert_uint_gt(ends->writer.tail, 20 * size);
		close_ends(ends);
		free(ends);
	}
}
END_TEST

enum { JOBS = 900000 }; /* of 16 bytes in the ring: each worker's goes round, be they two or one */

struct tally {
	unsigned char seen[JOBS];
	size_t wrong;
	size_t naps; /* reduce sleeps after so many values, so that a ring is full; 0: never */
};

static int number(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t value = job * 0x9E3779B97F4A7C15u;

	(void)arg;
	return pool_return(self, &value, sizeof value);
}

static int tally(size_t job, const void *value, size_t size, void *arg)
{
	struct tally *tally = arg;
	uint64_t wanted = job * 0x9E3779B97F4A7C15u;

	tally->wrong += size != sizeof wanted || memcmp(value, &wanted, size) != 0 || tally->seen[job]++ > 0;
	if (tally->naps > 0 && job % tally->naps == 0)
		test_nap(0.02);
	return 0;
}

/* _i: backend x np. The second map meets what the first has left. */
START_TEST(numbers_that_fill_the_ring_again_and_again_are_reduced_once)
{
	static const int nps[] = { 1, 2, 3, 8, 33 };
	struct pool *pool = test_open(&(struct pool_options){ .np = nps[_i % 5],
		.backend = _i / 5 ? POOL_THREAD : POOL_FORK, .schedule = _i % 2 ? POOL_STATIC : POOL_DYNAMIC });
	struct tally *books = calloc(1, sizeof *books);

	for (int map = 0; map < 3; map++) {
		size_t jobs = map == 1 ? 1000 : JOBS;

		memset(books, 0, sizeof *books);
		books->naps = map == 0 ? JOBS / 3 : 0;
		ck_assert_int_eq(pool_map(pool, jobs, number, tally, books), POOL_OK);
		for (size_t job = 0; job < JOBS; job++)
			books->wrong += books->seen[job] != (job < jobs);
		ck_assert_uint_eq(books->wrong, 0);
	}
	free(books);
	pool_close(pool);
}
END_TEST

/* Every second number is built in a slab, and then cut down to its size. */
static int number_or_trimmed(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t value = job * 0x9E3779B97F4A7C15u;
	char *space;

	if (job % 2 == 0)
		return number(self, job, arg);
	space = pool_return_space(self, 1 << 20);
	if (!space)
		return -1;
	memcpy(space, &value, sizeof value);
	pool_return_trim(self, sizeof value);
	return 0;
}

/* _i: backend. It is as long as the run's numbers, and lies elsewhere. */
START_TEST(a_number_cut_down_in_a_slab_is_no_part_of_the_run)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 8, .backend = POOL_FORK + _i });
	struct tally *books = calloc(1, sizeof *books);

	ck_assert_int_eq(pool_map(pool, 200, number_or_trimmed, tally, books), POOL_OK);
	ck_assert_uint_eq(books->wrong, 0);
	for (size_t job = 0; job < 200; job++)
		ck_assert_int_eq(books->seen[job], 1);
	free(books);
	pool_close(pool);
}
END_TEST

Suite *ring_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *test = test_case(suite, "ring", 60);

	tcase_add_loop_test(test, what_goes_round_arrives_whole_and_in_order, 0, 4);
	tcase_add_loop_test(test, numbers_that_fill_the_ring_again_and_again_are_reduced_once, 0, 10);
	tcase_add_loop_test(test, a_number_cut_down_in_a_slab_is_no_part_of_the_run, 0, 3);
	return suite;
}

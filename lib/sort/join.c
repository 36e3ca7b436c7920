/* SPDX-License-Identifier: MIT */
/* The keys become records; then neighbouring runs of records are merged, round
 * by round, between two arrays. What two runs become rises or falls as the next
 * round wants it.
 *
 * A record is what it is elsewhere, prefix and index, if its prefix is exact.
 * Else it is an image and an index, and equal images are told apart by where
 * they stand: the first run's come first, and within a run they lie in input
 * order, seen from where it is merged.
 *
 * A merge is cut into pieces of equal length (Green, Odeh, Birk: "Merge Path",
 * 2014). */
#include "sort/join.h"

#include "sort/crew/cut.h"
#include "sort/crew/scratch.h"
#include "sort/ends.h"
#include "sort/kernel/own.h"
#include "sort/kernel/weave.h"
#include "sort/lay.h"
#include "sort/range.h"

enum {
	PIECES = 256,
	OWNED = 1 << 22,   /* bytes that are still near after they were merged */
	BEYOND = 4 * SMI_LINE, /* bytes that are read beside a piece, at most */
	RUNS_OF_PAIRS = 2, /* more would need two arrays of pairs: 32 bytes a key */
};

struct joining {
	struct smi_job *job;
	size_t start[SMI_RUNS + 1];  /* of the runs of this round; the last: n */
	size_t count;
	size_t width;                /* bytes of a record: 4, 8, of a pair 16 */
	char *from, *to;             /* n records each */
	struct smi_piece *piece;     /* of this round, at most PIECES */
	size_t pieces;
	enum smi_weave form;
	uint64_t mask;               /* for the form */
	bool direct;                 /* the last round writes the keys */
	bool raw;                    /* there is one round, of the keys themselves */
	bool alike;                  /* all images differ from their keys' bits in `flip` */
	uint64_t flip;               /* else what was flipped in the keys */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint64_t image_at(const struct joining *j, const char *a, size_t i)
{
	return j->raw ? smi_key_image(&j->job->plan.keys, i) : smi_weave_image(a, i, j->width);
}

/* How many of a's records are among the first `length` of the merge; b falls,
 * its first record being the last one. */
static size_t cut_at(const struct joining *j, const char *a, size_t a_length, size_t b_length,
		     size_t length)
{
	size_t lo = length > b_length ? length - b_length : 0, hi = least(length, a_length);
	size_t last = a_length + b_length - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (image_at(j, a, last - (length - mid - 1)) < image_at(j, a, mid))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Adds the `count` pieces of the merge of runs r and r + 1. `width` is that of
 * what is written. */
static void cut_pair(struct joining *j, size_t r, size_t count, size_t width)
{
	size_t begin = j->start[r], a_length = j->start[r + 1] - begin, done = 0, i = 0;
	size_t b_length = r + 1 < j->count ? j->start[r + 2] - j->start[r + 1] : 0;
	size_t length = a_length + b_length;
	const char *a = j->from + begin * j->width;
	bool down = r / 2 % 2 == 1;

	for (size_t c = 1; c <= count; c++) {
		size_t end = c < count ? length / count * c : length;
		size_t place = begin + (down ? length - 1 - done : done);

		j->piece[j->pieces++] = (struct smi_piece){
			.a = a + i * j->width, .a_left = a_length - i,
			.b = a + (length - 1 - (done - i)) * j->width,
			.b_left = b_length - (done - i),
			.to = j->to + place * width, .left = end - done, .down = down,
			.base = a };
		i = cut_at(j, a, a_length, b_length, end);
		done = end;
	}
}

/* All but the ends. */
static void own_within(const void *records, size_t size)
{
	if (size > 2 * BEYOND)
		smi_own((char *)(uintptr_t)records + BEYOND, size - 2 * BEYOND);
}

/* What a piece was made of lies in scratch memory. Who merges what lies beside it may read
 * somewhat further than that, at this moment: the ends are left out. */
static void own_merged(const struct smi_piece *begun, const struct smi_piece *done, size_t width)
{
	size_t rest = done->a_left ? done->left : 0; /* of one run, when the other one had ended */
	size_t a = begun->a_left - done->a_left + rest, b = begun->left - a;

	own_within(begun->a, a * width);
	own_within((const char *)begun->b + width - b * width, b * width);
}

static void merge_part(void *arg, size_t part, int rank)
{
	struct joining *j = arg;
	struct smi_piece *piece = j->piece + 4 * part, begun[4];

	(void)rank;
	memcpy(begun, piece, sizeof begun);
	smi_weave(piece, j->form, j->mask);
	for (size_t i = 0; i < 4 && !j->raw && j->job->crew.np > 1; i++)
		if (begun[i].left * j->width <= OWNED / 4)
			own_merged(begun + i, piece + i, j->width);
}

/* What a round merges and writes; the last one writes indices to the sink. */
static enum smi_weave form_of(const struct joining *j, bool last)
{
	enum smi_sink sink = last ? j->job->plan.sink : SMI_TO_KEY;
	bool is_float = smi_kind_float(j->job->plan.keys.kind) && !j->alike;

	if (last && j->direct)
		return j->width == 4 ? is_float ? SMI_NARROW_FLOAT : SMI_NARROW_KEY
				     : is_float ? SMI_WIDE_FLOAT : SMI_WIDE_KEY;
	if (j->raw)
		return sink == SMI_TO_INDEX64 ? is_float ? SMI_RAW_FLOAT_INDEX64 : SMI_RAW_INDEX64
					      : is_float ? SMI_RAW_FLOAT_INDEX32 : SMI_RAW_INDEX32;
	if (j->width == 4)
		return SMI_NARROW;
	if (j->width == 8)
		return sink == SMI_TO_INDEX64   ? SMI_WIDE_INDEX64
		       : sink == SMI_TO_INDEX32 ? SMI_WIDE_INDEX32
						: SMI_WIDE;
	return sink == SMI_TO_INDEX64   ? SMI_PAIRS_INDEX64
	       : sink == SMI_TO_INDEX32 ? SMI_PAIRS_INDEX32
					: SMI_PAIRS;
}

static void merge_round(struct joining *j)
{
	size_t pairs = j->count / 2 + j->count % 2, each = 4 * (size_t)j->job->crew.np, width = j->width;
	char *other = j->from;

	j->from = j->to;
	j->to = other;
	j->form = form_of(j, pairs == 1);
	j->mask = j->direct || j->raw ? j->flip : j->job->plan.index_mask;
	if (pairs == 1 && j->direct)
		j->to = j->job->plan.out;
	if (pairs == 1 && j->job->plan.sink != SMI_TO_KEY) {
		j->to = j->job->plan.out;
		width = j->job->plan.sink == SMI_TO_INDEX64 ? 8 : 4;
	}
	each = least(each, PIECES / pairs / 4 * 4);
	j->pieces = 0;
	for (size_t r = 0; r < j->count; r += 2)
		cut_pair(j, r, each, width);
	smi_crew_each(&j->job->crew, j->pieces / 4, merge_part, j);
	for (size_t r = 0; r < pairs; r++)
		j->start[r] = j->start[2 * r];
	j->start[pairs] = j->job->n;
	j->count = pairs;
}

static void emit_part(void *arg, size_t part, int rank)
{
	struct joining *j = arg;
	const struct smi_job *job = j->job;
	size_t lo, hi;

	(void)rank;
	smi_cut(job->n, (size_t)job->crew.np, part, &lo, &hi);
	if (j->width == 4)
		job->kernel->emit_narrow(&job->plan, (const uint32_t *)j->to + lo, hi - lo, lo);
	else
		job->kernel->emit(&job->plan, (const uint64_t *)j->to + lo, hi - lo, lo);
}

/* Memory for one array or two. What the last round writes goes to the sink, but
 * for keys that are narrower than their records, or misaligned. */
static bool reserve(struct joining *j, unsigned rounds)
{
	struct smi_job *job = j->job;
	size_t size = (job->n * j->width + 63) / 64 * 64;
	bool one = rounds == 1 && (job->plan.sink != SMI_TO_KEY || j->direct);

	if (job->n > SIZE_MAX / 64)
		return false;
	job->scratch = smi_scratch_take(one ? size : 2 * size);
	if (!job->scratch)
		return false;
	j->to = job->scratch;
	j->from = one ? job->plan.out : job->scratch + size;
	return true;
}

/* The bits in which a key that has this image differs from it: of floats, the same for
 * all of one sign. */
static uint64_t flipped(const struct smi_keys *keys, uint64_t image)
{
	return smi_image_bits(keys->kind, keys->flip, image) ^ image;
}

/* For the range of all images. */
static void find_flip(struct joining *j, uint64_t min, uint64_t max)
{
	const struct smi_keys *keys = &j->job->plan.keys;

	j->flip = flipped(keys, min);
	j->alike = j->flip == flipped(keys, max);
	if (!j->alike)
		j->flip = keys->flip;
}

static int join_raw(struct smi_job *job, const struct smi_runs *runs)
{
	const struct smi_keys *keys = &job->plan.keys;
	uint64_t first = smi_key_image(keys, 0), last = smi_key_image(keys, job->n - 1);
	uint64_t rose = smi_key_image(keys, runs->start[1] - 1), falls = smi_key_image(keys, runs->start[1]);
	struct smi_piece piece[PIECES];
	struct joining j = { .job = job, .count = 2, .width = 8, .to = (char *)keys->base, .piece = piece,
			     .raw = true };

	memcpy(j.start, runs->start, sizeof j.start);
	find_flip(&j, first < last ? first : last, rose > falls ? rose : falls);
	merge_round(&j);
	return 0;
}

int smi_join(struct smi_job *job, const struct smi_runs *runs)
{
	struct smi_piece piece[PIECES];
	struct joining j = { .job = job, .count = runs->count, .piece = piece };
	unsigned rounds = 0;
	int r;

	if (smi_ends_raw(job, runs))
		return join_raw(job, runs);
	for (size_t count = runs->count; count > 1; count = (count + 1) / 2)
		rounds++;
	memcpy(j.start, runs->start, sizeof j.start);
	if (!smi_ends_range(job, runs))
		smi_range_of(&job->range, job->kernel, &job->crew, &job->plan.keys, job->n,
			     (size_t)job->crew.np);
	smi_job_plan(job);
	if (job->plan.sink == SMI_TO_KEY)
		smi_job_keep_images(job);
	find_flip(&j, job->range.min, job->range.max);
	j.width = job->plan.exact ? job->width : sizeof(struct smi_pair);
	j.direct = rounds > 0 && job->plan.sink == SMI_TO_KEY &&
		   smi_kind_size(job->plan.keys.kind) == j.width &&
		   (uintptr_t)job->plan.out % j.width == 0;
	if ((!job->plan.exact && runs->count > RUNS_OF_PAIRS) || !reserve(&j, rounds))
		return 1;
	if (job->plan.sink == SMI_TO_KEY) {
		r = smi_specials_init(&job->specials, job->kernel, &job->crew, &job->plan.keys, job->n,
				      &job->range);
		if (r < 0)
			return r;
	}
	smi_lay(job, runs, j.width, j.to);
	while (j.count > 1)
		merge_round(&j);
	if (job->plan.sink == SMI_TO_KEY) {
		if (!j.direct)
			smi_crew_each(&job->crew, (size_t)job->crew.np, emit_part, &j);
		smi_specials_restore(&job->specials, &job->plan.keys, job->plan.out, job->n);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* A program may round down, take subnormals for zeros (one linked with -Ofast does), or
 * let invalid operations trap. */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sort/crew/arithmetic.h"
#include "sort/kernel/kernel.h"
#include "sort_check.h"
#include "test_sort.h"

#if defined(__x86_64__)
enum { FLAGS = 0x3f };
static const uint64_t ways[] = { 0x1f80 | 0x8040, 0x1f80 | 0x2000, 0x1f80 | 0x4000, 0 };
#elif defined(__aarch64__)
enum { FLAGS = 0 };
static const uint64_t ways[] = { 1 << 24, 2 << 22, 1 << 22, 1 << 8 };
#else
enum { FLAGS = 0 };
static const uint64_t ways[] = { SMI_ARITHMETIC_USUAL };
#endif

enum { WAYS = sizeof ways / sizeof *ways };

static const char *sort_wrong_in(uint64_t way, struct buffers *b, size_t n, enum shared_type type,
				 const struct shared_sort_options *options)
{
	const char *bad;

	smi_arithmetic_set(way);
	bad = sort_wrong(b, n, type, options);
	if (!bad && (smi_arithmetic() & ~(uint64_t)FLAGS) != way)
		bad = "the arithmetic afterwards";
	smi_arithmetic_set(SMI_ARITHMETIC_USUAL);
	return bad;
}

/* _i: kernel. The first turn starts the helpers in the usual arithmetic. */
START_TEST(keys_are_sorted_in_any_arithmetic)
{
	enum { BY_VALUE = (1 << 17) + 1 }; /* prefixes of doubles */
	static const size_t sizes[] = { 100000, 5, 300, 3000, 30000, BY_VALUE };
	static const enum shape shapes[] = { EXTREMES, UNIFORM, CLOSE, FEW };
	struct buffers b;

	if (smi_sort_use(kernels[_i]))
		return;
	buffers_init(&b, BY_VALUE);
	for (int way = 0; way < WAYS; way++)
		for (size_t c = 0; c < 6 * 4 * 8; c++) {
			static const enum shared_type types[] = { SHARED_FLOAT64, SHARED_FLOAT32, SHARED_INT64, SHARED_UINT32 };
			enum shared_type type = types[c % 4];
			struct shared_sort_options o = { .np = 1 + (int)(c + 1) % 3, .descending = c / 4 % 2 };
			enum shape shape = shapes[c / 8 % 4];
			size_t n = sizes[c / 32];
			const char *bad;

			make_keys(b.keys, n, type, shape, c);
			reference_order(b.keys, n, type, o.descending, b.expected);
			bad = sort_wrong_in(c == 0 ? SMI_ARITHMETIC_USUAL : ways[way], &b, n, type, &o);
			ck_assert_msg(!bad, "%s: way %d, %s, %s, n %zu, np %d, %s", bad, way, type_names[type],
				      shape_names[shape], n, o.np, smi_kernel()->name);
		}
	buffers_fini(&b);
}
END_TEST

/* There are CPUs on which the sort cannot set the arithmetic: it has the portable kernel there,
 * which must need none. */
START_TEST(the_portable_kernel_needs_no_arithmetic)
{
	enum { N = 64 };
	const struct smi_kernel *kernel;
	unsigned char base[8 * N];
	struct smi_range range;
	struct smi_keys keys;
	unsigned order;

	ck_assert_int_eq(smi_sort_use("portable"), 0);
	kernel = smi_kernel();
	for (int type = SHARED_FLOAT32; type <= SHARED_FLOAT64; type++)
		for (int way = 0; way < WAYS; way++)
			for (int turn = 0; turn < 4; turn++) {
				uint64_t least = UINT64_MAX, greatest = 0;

				ck_assert(smi_keys_init(&keys, base, (enum shared_type)type, turn & 1));
				/* Subnormal floats: they rise, or do not. */
				for (size_t i = 0; i < N; i++)
					smi_key_store(base + i * type_size((enum shared_type)type), keys.kind,
						      turn & 2 ? 1 + i : 1 + i * 37 % N);
				for (size_t i = 0; i < N; i++) {
					uint64_t image = smi_key_image(&keys, i);

					least = image < least ? image : least;
					greatest = image > greatest ? image : greatest;
				}
				smi_arithmetic_set(ways[way]);
				order = kernel->order(&keys, 0, N);
				kernel->range(&keys, 0, N, &range);
				smi_arithmetic_set(SMI_ARITHMETIC_USUAL);
				ck_assert_int_eq(order != 0, turn >= 2);
				ck_assert_int_eq((order & SMI_RISING) != 0, turn == 2);
				ck_assert(range.min == least && range.max == greatest);
			}
}
END_TEST

/* Prefixes by value are computed as floats: however that rounds, and whether subnormals are
 * zeros, those of rising keys rise. */
START_TEST(prefixes_by_value_rise_in_any_arithmetic)
{
	enum { N = 256, TRAPS = WAYS - 1 };
	struct smi_pack pack = { .index_bits = 18, .mapped = true,
				 .map = { .kind = SMI_MAP_LINEAR, .top = ((uint64_t)1 << 40) - 1 } };
	uint64_t records[N];
	struct smi_keys keys;
	double base[N];

	ck_assert_int_eq(smi_sort_use("portable"), 0);
	ck_assert(smi_keys_init(&keys, base, SHARED_FLOAT64, false));
	for (int way = 0; way < TRAPS; way++)
		for (int wide = 0; wide < 2; wide++) {
			for (size_t i = 0; i < N; i++)
				base[i] = ((double)i - N / 2) * (wide ? 1.1 : 0x1.1p-1072);
			pack.map.low = base[0];
			pack.map.scale = wide ? 0x1p40 / (base[N - 1] - base[0]) : 0x1p1000;
			smi_arithmetic_set(ways[way]);
			smi_kernel()->pack(&keys, &pack, 0, N, records);
			smi_arithmetic_set(SMI_ARITHMETIC_USUAL);
			for (size_t i = 1; i < N; i++)
				ck_assert_uint_ge(records[i], records[i - 1]);
			ck_assert(!wide || records[N - 1] > records[0]);
		}
}
END_TEST

struct comparing {
	uint64_t way;
	_Atomic uint64_t calls, otherwise;
};

static int compare_in(const void *a, const void *b, void *arg)
{
	struct comparing *comparing = arg;

	comparing->calls++;
	if ((smi_arithmetic() & ~(uint64_t)FLAGS) != comparing->way)
		comparing->otherwise++;
	return memcmp(a, b, 4);
}

START_TEST(comparators_run_in_the_callers_arithmetic)
{
	struct shared_sort_options o = { .np = 2 };
	size_t n = 100000;
	char *items = malloc(n * 4);

	for (int way = 0; way < WAYS; way++) {
		struct comparing comparing = { .way = ways[way] };

		make_keys(items, n, SHARED_INT32, UNIFORM, 1);
		smi_arithmetic_set(ways[way]);
		ck_assert_int_eq(shared_sort_by(items, n, 4, compare_in, &comparing, &o), 0);
		smi_arithmetic_set(SMI_ARITHMETIC_USUAL);
		ck_assert_uint_gt(comparing.calls, n);
		ck_assert_uint_eq(comparing.otherwise, 0);
	}
	free(items);
}
END_TEST

TCase *sort_arithmetic_tests(void)
{
	TCase *tcase = tcase_create("arithmetic");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, keys_are_sorted_in_any_arithmetic, 0, KERNELS);
	tcase_add_test(tcase, prefixes_by_value_rise_in_any_arithmetic);
	tcase_add_test(tcase, the_portable_kernel_needs_no_arithmetic);
	tcase_add_test(tcase, comparators_run_in_the_callers_arithmetic);
	return tcase;
}

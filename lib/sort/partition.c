/* SPDX-License-Identifier: MIT */
#include "sort/partition.h"

#include "sort/crew/cut.h"
#include "sort/split.h"

static void count_part(void *arg, size_t part, int rank)
{
	struct smi_partition *p = arg;
	uint32_t *count = p->tables->count + part * SMI_DIGITS;
	size_t lo, hi;

	(void)rank;
	smi_cut(p->n, p->parts, part, &lo, &hi);
	memset(count, 0, (p->map.top + 1) * sizeof *count);
	if (p->map.kind == SMI_MAP_SPLIT)
		smi_split_histogram(p->map.split, p->keys, lo, hi, count);
	else
		p->kernel->histogram(p->keys, &p->map, lo, hi, count);
}

static void move_part(void *arg, size_t part, int rank)
{
	struct smi_partition *p = arg;
	uint64_t *next = p->tables->next + part * SMI_DIGITS;
	size_t lo, hi;

	(void)rank;
	smi_cut(p->n, p->parts, part, &lo, &hi);
	if (p->map.kind == SMI_MAP_SPLIT)
		smi_split_scatter(p->map.split, p->keys, &p->pack, lo, hi, next, p->out);
	else if (p->narrow)
		p->kernel->scatter_narrow(p->keys, &p->map, &p->pack, lo, hi, next, p->out);
	else
		p->kernel->scatter(p->keys, &p->map, &p->pack, lo, hi, next, p->out);
}

void smi_partition_count(struct smi_partition *p, const struct smi_crew *crew)
{
	struct smi_tables *t = p->tables;
	uint64_t sum = 0;

	smi_crew_each(crew, p->parts, count_part, p);
	for (size_t d = 0; d <= p->map.top; d++) {
		t->start[d] = sum;
		for (size_t part = 0; part < p->parts; part++) {
			t->next[part * SMI_DIGITS + d] = sum;
			sum += t->count[part * SMI_DIGITS + d];
		}
	}
	t->start[p->map.top + 1] = sum;
}

void smi_partition_move(struct smi_partition *p, const struct smi_crew *crew)
{
	smi_crew_each(crew, p->parts, move_part, p);
}

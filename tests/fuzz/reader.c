/* SPDX-License-Identifier: MIT */
/* The pipe's reader against a writer that writes anything, at any time.
 *
 * An input is a header, what the ring holds at first, and a script: calls of the
 * reader, and changes of the ring and of the tail. A change that is marked LATE is
 * made in the middle of the next call, before one of the reader's own loads, as a
 * hostile writer beside it would; so a race is an input like any other.
 *
 * With -DFUZZING -fsanitize=fuzzer this is libFuzzer's target. Else its main replays files,
 * and `reader -seeds DIRECTORY` makes the first ones with the real writer. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/mapping.h"
#include "pipe/pipe.h"
#include "pipe/writer.h"

static void interfere(void);

static inline uint64_t load_word(const _Atomic uint64_t *word)
{
	interfere();
	return atomic_load((_Atomic uint64_t *)word);
}

static inline uint32_t load_half(const _Atomic uint32_t *word)
{
	interfere();
	return atomic_load((_Atomic uint32_t *)word);
}

/* The reader's loads of what the writer writes. */
#undef atomic_load
#undef atomic_load_explicit
#define atomic_load_explicit(word, order) \
	_Generic((word), _Atomic uint32_t *: load_half, default: load_word)((const void *)(word))
#define atomic_load(word) atomic_load_explicit(word, memory_order_seq_cst)
#include "pipe/reader.c"
#undef atomic_load

/* A call of the reader ends after so many loads, whatever the writer does meanwhile. */
#define LOADS_MOST 20

#define RING_MOST (32 << 10)
#define FILE_MOST 4 /* of SMI_HUGE bytes */

struct head {
	uint8_t ring, njobs, file, unused;
	uint16_t filled, unused2;
	uint64_t tail;
};

enum op {
	TAKE, LOOK, VALUES, NEWS, PUBLISH, SUCCEED, /* the reader's */
	FILL, HEADER, TAIL, AHEAD, GROW, WORDS, OPS /* the writer's */
};
#define LATE 0x80

/* What an input says, and how far it has been read. */
struct script {
	const uint8_t *at, *end;
};

static struct smi_pipe_words words;
static struct smi_pipe pipe_;
static struct smi_reader reader;
static struct script script;
static uint64_t highest_tail, passed;
static unsigned loads;
static int huge;
static bool closed, disturbed;

static uint64_t number(int bytes)
{
	uint64_t value = 0;

	if (script.end - script.at < bytes) {
		script.at = script.end;
		return 0;
	}
	memcpy(&value, script.at, (size_t)bytes);
	script.at += bytes;
	return value;
}

static void set_tail(uint64_t tail)
{
	atomic_store(&words.tail, tail);
	if (tail > highest_tail)
		highest_tail = tail;
}

/* Of the first part and of what goes round. */
static size_t room(void)
{
	return pipe_.ring.first_size + pipe_.ring.size;
}

/* The byte so many behind the first part's begin, and how many follow it there. */
static char *place_of(uint64_t place, size_t *rest)
{
	const struct smi_ring *ring = &pipe_.ring;
	bool first = place < ring->first_size;

	*rest = first ? ring->first_size - place : room() - place;
	return first ? ring->first + place : ring->memory + (place - ring->first_size);
}

static void fill(uint64_t place, uint64_t size)
{
	uint64_t left = (uint64_t)(script.end - script.at);
	size_t rest;
	char *to = place_of(place % room(), &rest);

	size = size < left ? size : left;
	size = size < rest ? size : rest;
	memcpy(to, script.at, size);
	script.at += size;
}

static void put_header_at(uint64_t place, uint64_t job, uint64_t word)
{
	size_t rest;
	struct smi_frame *frame = (struct smi_frame *)place_of(place * SMI_ALIGN % room(), &rest);

	atomic_store(&frame->job, job);
	atomic_store(&frame->word, word);
}

static void change(enum op op)
{
	uint64_t a, b;

	switch (op) {
	case FILL:
		a = number(2);
		b = number(2);
		fill(a, b);
		return;
	case HEADER:
		a = number(2);
		b = number(8);
		put_header_at(a, b, number(8));
		return;
	case TAIL:
		set_tail(number(8));
		return;
	case AHEAD: /* of where the reader is */
		set_tail(reader.head + (uint64_t)(int64_t)(int32_t)number(4));
		return;
	case GROW:
		if (pipe_.file >= 0 && huge < FILE_MOST)
			smi_file_grow(pipe_.file, (uint64_t)++huge * SMI_HUGE);
		return;
	case WORDS: /* what else the writer tells */
		a = number(1) % SMI_SLABS;
		atomic_store(&words.slab[a].offset, number(8));
		atomic_store(&words.slab[a].capacity, number(8));
		atomic_store(&words.full, 1);
		return;
	default:
		return;
	}
}

static enum op op_of(uint8_t byte)
{
	return (enum op)((byte & ~LATE) % OPS);
}

static void interfere(void)
{
	loads++;
	assert(loads <= LOADS_MOST);
	if (script.at == script.end || !(*script.at & LATE) || op_of(*script.at) < FILL)
		return;
	disturbed = true;
	change(op_of(*script.at++));
}

static bool lies_in(const void *data, size_t size, const char *where, size_t room)
{
	return (const char *)data >= where && size <= room && (size_t)((const char *)data - where) <= room - size;
}

static void check_data(const struct smi_item *item)
{
	const volatile char *byte = item->data;

	if (item->slab >= 0) {
		const struct smi_slab *view = &pipe_.view[item->slab];

		assert(item->slab < SMI_SLABS);
		assert(lies_in(item->data, item->size, view->address, view->capacity));
		assert(view->offset + view->capacity <= (uint64_t)huge * SMI_HUGE);
	} else {
		assert(lies_in(item->data, item->size, pipe_.ring.memory, pipe_.ring.size) ||
		       lies_in(item->data, item->size, pipe_.ring.first, pipe_.ring.first_size));
	}
	if (item->size > 0)
		(void)(byte[0] + byte[item->size - 1]);
}

static void check_item(const struct smi_item *item)
{
	switch (item->kind) {
	case SMI_FRAME_VALUE:
		assert(item->count == 1 && (uintptr_t)item->data % SMI_ALIGN == 0);
		check_data(item);
		break;
	case SMI_FRAME_EMPTY:
		assert(item->count > 0);
		break;
	case SMI_FRAME_FAILED:
		assert(item->count == 1 && item->size <= SMI_MESSAGE_MOST && item->slab < 0);
		check_data(item);
		if (item->job == UINT64_MAX)
			return;
		break;
	default:
		assert(!"no item has another kind");
	}
	assert(item->job < reader.njobs && item->count <= reader.njobs - item->job);
}

/* What was passed is paid for: by a header a run, by a place in the ring a value. */
static void check_progress(void)
{
	assert(reader.head <= highest_tail);
	assert(reader.published <= reader.head);
	assert((unsigned __int128)passed <= (unsigned __int128)reader.njobs * (reader.head / SMI_ALIGN + 1));
}

/* Taken as the master does: nothing more is believed of a writer that made no sense. */
static void take(bool done)
{
	struct smi_item item;
	int r;

	loads = 0;
	disturbed = false;
	r = smi_reader_next(&reader, &item);
	assert(r == 1 || r == 0 || r == -EBADMSG || r == -ENOMEM);
	assert(!closed || r == 0);
	if (r == 1) {
		check_item(&item);
		if (done) {
			smi_reader_done(&reader, &item);
			passed += item.count;
		}
	} else if (r == 0) {
		/* Else the master would look for ever. */
		assert(!smi_reader_has_news(&reader) || disturbed);
	} else {
		smi_reader_close(&reader);
		closed = true;
	}
	check_progress();
}

static void take_values(void)
{
	struct smi_item item;

	while (smi_reader_next_value(&reader, &item)) {
		check_item(&item);
		smi_reader_done_value(&reader);
		passed++;
	}
	check_progress();
}

static void begin(uint64_t njobs)
{
	smi_pipe_reset(&pipe_);
	smi_reader_init(&reader, &pipe_, njobs);
	highest_tail = passed = 0;
	closed = false;
}

static void run(enum op op)
{
	loads = 0;
	switch (op) {
	case TAKE:
		take(true);
		break;
	case LOOK:
		take(false);
		break;
	case VALUES:
		take_values();
		break;
	case NEWS:
		assert(!smi_reader_has_news(&reader) || !closed);
		break;
	case PUBLISH:
		smi_reader_publish(&reader);
		break;
	case SUCCEED:
		smi_pipe_forget(&pipe_);
		begin(reader.njobs);
		break;
	default:
		change(op);
		break;
	}
}

/* Of its very size, so that a look beyond its end is seen. */
static char *get(size_t size)
{
	char *memory = aligned_alloc(64, size);

	assert(memory);
	return memset(memory, 0, size);
}

static void open_pipe(const struct head *head)
{
	static const size_t sizes[] = { 1 << 10, 4 << 10, RING_MOST };
	size_t size, first;

	huge = head->file % (FILE_MOST + 1);
	size = sizes[head->ring % 3];
	first = head->ring / 3 % 2 ? size / 4 : 0;
	pipe_ = (struct smi_pipe){ .words = &words, .inline_most = size / 4, .file = -1 };
	pipe_.ring = (struct smi_ring){ get(first), get(size), first, size };
	if (huge == 0)
		return;
	pipe_.file = smi_file_open();
	assert(pipe_.file >= 0);
	smi_file_grow(pipe_.file, (uint64_t)huge * SMI_HUGE);
}

static void close_pipe(void)
{
	smi_pipe_unmap(&pipe_);
	if (pipe_.file >= 0)
		close(pipe_.file);
	free(pipe_.ring.first);
	free(pipe_.ring.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t njobs[] = { 1, 5, 1000, 1ull << 40 };
	struct head head;

	if (size < sizeof head)
		return 0;
	memcpy(&head, data, sizeof head);
	script = (struct script){ data + sizeof head, data + size };
	open_pipe(&head);
	begin(njobs[head.njobs % 4]);
	fill(0, head.filled);
	set_tail(head.tail);
	while (script.at < script.end)
		run(op_of(*script.at++));
	for (int i = 0; i < 4; i++)
		take(true);
	close_pipe();
	return 0;
}

#ifndef FUZZING

/* ---- Seeds: what a real writer does, told as a script. ---- */

struct seed {
	FILE *file;
	struct smi_writer writer;
	_Atomic uint32_t attention;
	_Atomic uint64_t file_end;
	char before[RING_MOST + RING_MOST / 4];
	uint64_t job;
};

static void put(struct seed *seed, uint64_t value, int bytes)
{
	fwrite(&value, (size_t)bytes, 1, seed->file);
}

/* What the ring holds now, and the tail, and takes what is there; `late`: the tail
 * moves while the reader looks. */
static void tell(struct seed *seed, bool late)
{
	for (size_t i = 0, n, rest; i < room(); i += n) {
		const char *now = place_of(i, &rest);
		char *before = seed->before + i;

		for (n = 0; n < rest && memcmp(before + n, now + n, SMI_ALIGN) != 0;)
			n += SMI_ALIGN;
		if (n > 0) {
			put(seed, FILL, 1);
			put(seed, i, 2);
			put(seed, n, 2);
			fwrite(now, n, 1, seed->file);
			memcpy(before, now, n);
		} else {
			n = SMI_ALIGN;
		}
	}
	if (late) {
		put(seed, TAKE, 1);
		put(seed, LATE | TAIL, 1);
		put(seed, seed->writer.tail, 8);
	}
	put(seed, TAIL, 1);
	put(seed, seed->writer.tail, 8);
	while (smi_reader_has_news(&reader)) {
		put(seed, TAKE, 1);
		take(true);
		put(seed, VALUES, 1);
		take_values();
	}
	put(seed, PUBLISH, 1);
	smi_reader_publish(&reader);
}

static void commit(struct seed *seed, size_t size)
{
	void *value = size > 0 ? smi_writer_append(&seed->writer, size) : NULL;

	if (value)
		memset(value, 'a' + (int)(seed->job % 26), size < 64 ? size : 64);
	smi_writer_commit(&seed->writer, seed->job++);
}

static void values(struct seed *seed)
{
	static const size_t sizes[] = { 8, 8, 8, 24, 24, 0, 0, 300, 8, 0, 256, 1 };

	for (size_t i = 0; i < 60; i++) {
		commit(seed, sizes[i % (sizeof sizes / sizeof *sizes)]);
		if (i % 5 == 0)
			tell(seed, i % 2);
	}
}

static void counted(struct seed *seed)
{
	seed->writer.quiet = seed->writer.counts = true;
	for (int i = 0; i < 20; i++) {
		commit(seed, 0);
		if (i % 3 == 0)
			tell(seed, i % 2);
	}
}

static void failures(struct seed *seed)
{
	smi_writer_fail(&seed->writer, UINT64_MAX, 1, 2, "begin");
	tell(seed, false);
	for (int i = 0; i < 12; i++) {
		commit(seed, 8);
		smi_writer_fail(&seed->writer, seed->job++, 1, -1, i % 2 ? "" : "a message of the job");
		tell(seed, false);
	}
}

static void slabs(struct seed *seed)
{
	static const size_t sizes[] = { 20000, 100000, 8, 3 << 20, 0, 30000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		commit(seed, sizes[i]);
		tell(seed, false);
	}
}

/* Values of which the last before the ring's end seldom fits: the writer pads. */
static void wraps(struct seed *seed)
{
	for (size_t i = 0; i < 30; i++) {
		commit(seed, 60 + 37 * i % 180);
		tell(seed, i % 2);
	}
}

static void places(struct seed *seed)
{
	slabs(seed);
	for (int i = 0; i < SMI_SLABS; i++) {
		put(seed, WORDS, 1);
		put(seed, (uint64_t)i, 1);
		put(seed, (uint64_t)i * SMI_HUGE, 8);
		put(seed, SMI_HUGE, 8);
	}
	put(seed, PUBLISH, 1);
	put(seed, SUCCEED, 1);
}

/* Pads, each of the whole ring, and the tail moves as often as the reader comes to
 * it: it went round for as long as that, and one call deeper each time. */
static void pads(struct seed *seed)
{
	put(seed, HEADER, 1);
	put(seed, 0, 2);
	put(seed, 0, 8);
	put(seed, (uint64_t)SMI_FRAME_PAD << SMI_KIND_SHIFT | pipe_.ring.size, 8);
	put(seed, AHEAD, 1);
	put(seed, pipe_.ring.size, 4);
	put(seed, TAKE, 1);
	for (int i = 0; i < 64; i++) {
		put(seed, LATE | AHEAD, 1);
		put(seed, pipe_.ring.size, 4);
	}
}

/* It makes no sense, and goes on. The reader went on too, from a tail that is at no
 * frame, and beyond the ring's end. */
static void crooked(struct seed *seed)
{
	put(seed, TAIL, 1);
	put(seed, pipe_.ring.size - 8, 8);
	put(seed, TAKE, 1);
	put(seed, AHEAD, 1);
	put(seed, 24, 4);
	put(seed, TAKE, 1);
	put(seed, TAIL, 1);
	put(seed, pipe_.ring.size + 16, 8);
	put(seed, TAKE, 1);
	put(seed, NEWS, 1);
}

static void make_seed(const char *directory, const char *name, struct head head, void (*tell_it)(struct seed *seed))
{
	static struct seed seed;
	struct smi_bell bell = { -1, &seed.attention };
	char path[4096];

	memset(&seed, 0, sizeof seed);
	snprintf(path, sizeof path, "%s/%s", directory, name);
	seed.file = fopen(path, "w");
	if (!seed.file) {
		perror(path);
		exit(1);
	}
	fwrite(&head, sizeof head, 1, seed.file);
	script = (struct script){ NULL, NULL };
	open_pipe(&head);
	huge = pipe_.file >= 0 ? FILE_MOST : 0;
	pipe_.file_end = &seed.file_end;
	pipe_.slab_budget = SMI_HUGE;
	begin(1000);
	highest_tail = UINT64_MAX;
	smi_writer_init(&seed.writer, &pipe_, &bell, false);
	tell_it(&seed);
	smi_writer_fini(&seed.writer);
	close_pipe();
	fclose(seed.file);
}

static void make_seeds(const char *directory)
{
	make_seed(directory, "values", (struct head){ .njobs = 2 }, values);
	make_seed(directory, "values_4k", (struct head){ .ring = 1, .njobs = 2 }, values);
	make_seed(directory, "values_first", (struct head){ .ring = 3, .njobs = 2 }, values);
	make_seed(directory, "wraps_first", (struct head){ .ring = 3, .njobs = 2 }, wraps);
	make_seed(directory, "counted", (struct head){ .njobs = 2 }, counted);
	make_seed(directory, "failures", (struct head){ .njobs = 3 }, failures);
	make_seed(directory, "slabs", (struct head){ .njobs = 2, .file = FILE_MOST }, slabs);
	make_seed(directory, "wraps", (struct head){ .njobs = 2 }, wraps);
	make_seed(directory, "places", (struct head){ .njobs = 2, .file = FILE_MOST }, places);
	make_seed(directory, "pads", (struct head){ .njobs = 2 }, pads);
	make_seed(directory, "crooked", (struct head){ .njobs = 2 }, crooked);
}

static void replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		exit(1);
	}
	LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, file));
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-seeds") == 0) {
		make_seeds(argv[2]);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("pipe/reader: %d inputs replayed\n", argc - 1);
	return 0;
}
#endif

/* SPDX-License-Identifier: MIT */
/* A frame never wraps: where the rest of the ring, or of its first part, is too
 * small for it, a pad takes that rest. The value being built stands where its frame will be,
 * so that commit moves `tail` and copies nothing; only a small value that was
 * begun behind a run and does not lengthen it is moved, behind a header. */
#include "pipe/writer.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "os/futex.h"
#include "os/mapping.h"

#define YIELDS 10

static struct smi_frame *frame_at(const struct smi_writer *writer, uint64_t position)
{
	return (struct smi_frame *)smi_ring_at(&writer->ring, position);
}

static size_t round16(size_t size)
{
	return (size + SMI_ALIGN - 1) & ~(size_t)(SMI_ALIGN - 1);
}

static void put_word(struct smi_frame *frame, enum smi_frame_kind kind, uint64_t number)
{
	atomic_store_explicit(&frame->word, (uint64_t)kind << SMI_KIND_SHIFT | number, memory_order_release);
}

static void put_header(struct smi_frame *frame, uint64_t job, enum smi_frame_kind kind, uint64_t number)
{
	atomic_store_explicit(&frame->job, job, memory_order_relaxed);
	put_word(frame, kind, number);
}

void smi_writer_init(struct smi_writer *writer, const struct smi_pipe *pipe,
		     const struct smi_bell *bell, bool same_process)
{
	*writer = (struct smi_writer){ .words = pipe->words,
				       .bell = *bell,
				       .ring = pipe->ring,
				       .inline_most = pipe->inline_most,
				       .limit = pipe->ring.size,
				       .look_at = pipe->ring.size / 2,
				       .slab = -1,
				       .run_size = SMI_NO_RUN,
				       .file = pipe->file,
				       .file_end = pipe->file_end,
				       .slab_budget = pipe->slab_budget };
	for (int i = 0; i < SMI_SLABS; i++) {
		/* The views of a successor's memory are those of the first worker, whose
		 * slabs have been given back. */
		if (atomic_load(&pipe->words->slab[i].capacity) == 0)
			continue;
		writer->slabs[i] = pipe->view[i];
		writer->slabs[i].borrowed = same_process;
	}
	smi_writer_discard(writer);
}

void smi_writer_fini(struct smi_writer *writer)
{
	for (int i = 0; i < SMI_SLABS; i++)
		if (!writer->slabs[i].borrowed)
			smi_unmap(writer->slabs[i].address, writer->slabs[i].capacity);
}

/* Memory for what comes next: in huge pages, before small ones come by use. Without
 * it things are slower, no more. */
static void fill(struct smi_writer *writer)
{
	size_t part = smi_ring_offset(&writer->ring, writer->tail) / SMI_HUGE;

	if (writer->tail < writer->ring.first_size || writer->ring.size < SMI_HUGE ||
	    part < atomic_load_explicit(&writer->words->filled, memory_order_relaxed))
		return;
	smi_map_fill(writer->ring.memory + part * SMI_HUGE, SMI_HUGE);
	atomic_store_explicit(&writer->words->filled, (uint32_t)part + 1, memory_order_relaxed);
}

static void see_head(struct smi_writer *writer)
{
	writer->limit = atomic_load(&writer->words->head) + writer->ring.size;
}

/* Bytes that are free behind `tail`, in one piece. */
static size_t free_behind(const struct smi_writer *writer)
{
	uint64_t free = writer->limit - writer->tail, rest = smi_ring_rest(&writer->ring, writer->tail);

	return free < rest ? free : rest;
}

/* Begins a value, empty yet, in what is free of the ring: behind the run's last, or
 * behind room for a header. */
static void begin(struct smi_writer *writer)
{
	writer->length = writer->last = 0;
	if (writer->run_size > 0 && writer->run_size != SMI_NO_RUN) {
		writer->value = smi_ring_at(&writer->ring, writer->tail);
		writer->capacity = writer->run_size;
	} else {
		size_t free, header = sizeof(struct smi_frame);

		fill(writer);
		if (writer->limit - writer->tail < SMI_RUN_BYTES + header)
			see_head(writer);
		free = free_behind(writer);
		free = free < header ? 0 : free - header;
		writer->value = smi_ring_at(&writer->ring, writer->tail) + header;
		writer->capacity = free < writer->inline_most ? free : writer->inline_most;
	}
}

/* A master that dozes would find the ring full. */
static void look(struct smi_writer *writer)
{
	if (writer->tail < writer->look_at)
		return;
	writer->look_at = writer->tail + writer->ring.size / 8;
	if (smi_bell_attention(&writer->bell) == SMI_AWAKE)
		return;
	see_head(writer);
	if (writer->limit - writer->tail < writer->ring.size / 2)
		smi_bell_hurry(&writer->bell);
	else
		writer->look_at = writer->limit - writer->ring.size / 2;
}

/* Publishes the `bytes` of a frame at `tail`, and begins the next value behind. */
static void publish(struct smi_writer *writer, size_t bytes)
{
	writer->tail += bytes;
	atomic_store_explicit(&writer->words->tail, writer->tail, memory_order_release);
	begin(writer);
	smi_writer_tell(writer);
	look(writer);
}

/* The master may be ready to run on this very CPU: gives way to it before a sleep
 * that would cost the wake of an idle one. */
static bool give_way(struct smi_writer *writer, bool (*ready)(struct smi_writer *writer, size_t need),
		     size_t need)
{
	smi_bell_hurry(&writer->bell);
	for (int i = 0; i < YIELDS; i++) {
		sched_yield();
		if (ready(writer, need))
			return true;
	}
	return false;
}

/* Until `ready` says so. */
static int sleep_until(struct smi_writer *writer, bool (*ready)(struct smi_writer *writer, size_t need),
		       size_t need)
{
	for (;;) {
		uint32_t seen = atomic_load(&writer->words->room);

		if (seen & SMI_STOP)
			return -ECANCELED;
		atomic_store(&writer->words->full, 1);
		if (ready(writer, need)) {
			atomic_store(&writer->words->full, 0);
			return 0;
		}
		smi_bell_hurry(&writer->bell);
		smi_futex_wait(&writer->words->room, seen, UINT64_MAX);
	}
}

int smi_writer_wait(struct smi_writer *writer, bool (*ready)(struct smi_writer *writer, size_t need),
		    size_t need)
{
	int r = give_way(writer, ready, need) ? 0 : sleep_until(writer, ready, need);

	atomic_fetch_add_explicit(&writer->words->waited, 1, memory_order_relaxed);
	return r;
}

static bool has_room(struct smi_writer *writer, size_t need)
{
	see_head(writer);
	return writer->limit - writer->tail >= need;
}

static int wait_room(struct smi_writer *writer, size_t need)
{
	return has_room(writer, need) ? 0 : smi_writer_wait(writer, has_room, need);
}

/* Whatever is committed next does not belong to the run. */
static void close_run(struct smi_writer *writer)
{
	if (writer->run_size > 0 && writer->run_size != SMI_NO_RUN) {
		uint64_t count = (writer->tail - writer->run_begin) / writer->run_stride;

		put_word(writer->run, SMI_FRAME_VALUE, count << SMI_COUNT_SHIFT | writer->run_size);
	}
	writer->run_size = SMI_NO_RUN;
}

void smi_writer_end_run(struct smi_writer *writer)
{
	close_run(writer);
	begin(writer);
	look(writer);
}

/* Gets `need` bytes in one piece behind `tail`, for a frame of its own. */
static int reserve(struct smi_writer *writer, size_t need)
{
	size_t rest = smi_ring_rest(&writer->ring, writer->tail);
	int r;

	close_run(writer);
	if (rest < need) {
		r = wait_room(writer, rest);
		if (r < 0)
			return r;
		put_header(frame_at(writer, writer->tail), 0, SMI_FRAME_PAD, rest);
		publish(writer, rest);
	}
	return writer->limit - writer->tail < need ? wait_room(writer, need) : 0;
}

/* Finds room in the ring, with a header, for a value of which `length` small bytes
 * are built. */
static int begin_again(struct smi_writer *writer, size_t size)
{
	char built[SMI_RUN_VALUE_MOST];
	size_t length = writer->length;
	int r;

	memcpy(built, writer->value, length);
	r = reserve(writer, sizeof(struct smi_frame) + round16(size));
	if (r < 0)
		return r;
	begin(writer);
	memcpy(writer->value, built, length);
	writer->length = length;
	return 0;
}

int smi_writer_make_fit(struct smi_writer *writer, size_t size)
{
	size_t length;

	if (__builtin_add_overflow(writer->length, size, &length) || length > SMI_NUMBER_MASK / 4)
		return -ENOMEM;
	if (writer->slab < 0 && writer->length <= SMI_RUN_VALUE_MOST && length <= writer->inline_most)
		return begin_again(writer, length);
	/* Whatever its size in the end: it does not lie where it would lengthen the run. */
	close_run(writer);
	return smi_writer_use_slab(writer, length);
}

void smi_writer_trim(struct smi_writer *writer, size_t used)
{
	if (writer->last < writer->length && used < writer->length - writer->last)
		writer->length = writer->last + used;
}

void smi_writer_discard(struct smi_writer *writer)
{
	writer->slab = -1;
	begin(writer);
}

/* A job without a value begins a run, or lengthens one from which it is cut off by
 * a value that nobody wants. */
static int commit_empty(struct smi_writer *writer, uint64_t job)
{
	enum smi_frame_kind kind = writer->counts ? SMI_FRAME_DONE : SMI_FRAME_EMPTY;
	int r;

	if (writer->run_size == 0 && (job == writer->run_next || writer->counts))
		return smi_writer_commit(writer, job);
	r = reserve(writer, sizeof(struct smi_frame));
	if (r < 0)
		return r;
	writer->run = frame_at(writer, writer->tail);
	writer->run_size = 0;
	writer->run_next = job + 1;
	put_header(writer->run, job, kind, 1);
	publish(writer, sizeof(struct smi_frame));
	return 0;
}

/* The value that has just been built begins a run of its like, as long as there is
 * room known to be free. */
static void begin_run(struct smi_writer *writer, struct smi_frame *frame, uint64_t job)
{
	size_t room = free_behind(writer) - sizeof *frame;

	room = room < SMI_RUN_BYTES ? room : SMI_RUN_BYTES;
	writer->run = frame;
	writer->run_next = job + 1;
	writer->run_size = writer->length;
	writer->run_stride = round16(writer->length);
	writer->run_begin = writer->tail + sizeof *frame;
	writer->run_end = writer->run_begin + room / writer->run_stride * writer->run_stride;
}

/* A value in the ring, with a header of its own; a small one begins a run. */
static int commit_value(struct smi_writer *writer, uint64_t job)
{
	size_t length = writer->length, stride = round16(length);
	bool small = length <= SMI_RUN_VALUE_MOST;
	struct smi_frame *frame;
	int r = writer->run_size == SMI_NO_RUN || writer->run_size == 0 ? 0 : begin_again(writer, length);

	if (r < 0)
		return r;
	close_run(writer);
	frame = (struct smi_frame *)writer->value - 1;
	put_header(frame, job, SMI_FRAME_VALUE, (uint64_t)!small << SMI_COUNT_SHIFT | length);
	if (small)
		begin_run(writer, frame, job);
	publish(writer, sizeof *frame + stride);
	if (small && writer->tail == writer->run_end)
		smi_writer_end_run(writer);
	return 0;
}

static int commit_slab(struct smi_writer *writer, uint64_t job)
{
	struct smi_slab *slab = &writer->slabs[writer->slab];
	struct smi_slab_frame where = { (uint64_t)writer->slab, slab->offset, slab->capacity, writer->length };
	int r = reserve(writer, sizeof(struct smi_frame) + sizeof where);

	if (r < 0)
		return r;
	memcpy(frame_at(writer, writer->tail) + 1, &where, sizeof where);
	put_header(frame_at(writer, writer->tail), job, SMI_FRAME_SLAB, sizeof where);
	atomic_store_explicit(&writer->words->lent[writer->slab], 1, memory_order_relaxed);
	publish(writer, sizeof(struct smi_frame) + sizeof where);
	/* Worth waking a master that only dozes. */
	smi_bell_hurry(&writer->bell);
	return 0;
}

int smi_writer_commit_slowly(struct smi_writer *writer, uint64_t job)
{
	int r;

	/* Nobody would see the value. */
	if (writer->quiet)
		smi_writer_discard(writer);
	if (writer->length == 0)
		r = commit_empty(writer, job);
	else
		r = writer->slab >= 0 ? commit_slab(writer, job) : commit_value(writer, job);
	writer->slab = -1;
	if (writer->length > 0)
		begin(writer);
	return r;
}

int smi_writer_fail(struct smi_writer *writer, uint64_t job, int status, int code, const char *message)
{
	size_t length = strnlen(message, SMI_MESSAGE_MOST);
	int32_t number[2] = { status, code };
	size_t size = sizeof number + length;
	char *payload;
	int r;

	smi_writer_discard(writer);
	r = reserve(writer, sizeof(struct smi_frame) + round16(size));
	if (r < 0)
		return r;
	payload = (char *)(frame_at(writer, writer->tail) + 1);
	memcpy(payload, number, sizeof number);
	memcpy(payload + sizeof number, message, length);
	put_header(frame_at(writer, writer->tail), job, SMI_FRAME_FAILED, size);
	publish(writer, sizeof(struct smi_frame) + round16(size));
	smi_bell_hurry(&writer->bell);
	return 0;
}

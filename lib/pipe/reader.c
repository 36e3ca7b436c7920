/* SPDX-License-Identifier: MIT */
#include "pipe/reader.h"

#include <errno.h>
#include <string.h>

#include "os/futex.h"
#include "os/mapping.h"

void smi_pipe_reset(struct smi_pipe *pipe)
{
	struct smi_pipe_words *words = pipe->words;

	atomic_store(&words->tail, 0);
	atomic_store(&words->full, 0);
	atomic_store(&words->waited, 0);
	atomic_store(&words->head, 0);
	atomic_store(&words->room, 0);
	for (int i = 0; i < SMI_SLABS; i++) {
		atomic_store(&words->lent[i], 0);
		atomic_store(&words->slab[i].offset, pipe->view[i].offset);
		atomic_store(&words->slab[i].capacity, pipe->view[i].capacity);
	}
}

void smi_pipe_unmap(struct smi_pipe *pipe)
{
	for (int i = 0; i < SMI_SLABS; i++) {
		smi_unmap(pipe->view[i].address, pipe->view[i].capacity);
		pipe->view[i] = (struct smi_slab){ 0 };
	}
}

void smi_pipe_forget(struct smi_pipe *pipe)
{
	smi_pipe_unmap(pipe);
	for (int i = 0; i < SMI_SLABS; i++) {
		struct smi_slab_place *place = &pipe->words->slab[i];

		if (pipe->file >= 0 && atomic_load(&place->capacity) > 0)
			smi_file_drop(pipe->file, atomic_load(&place->offset), atomic_load(&place->capacity));
		atomic_store(&place->capacity, 0);
	}
}

void smi_pipe_stop(struct smi_pipe *pipe)
{
	smi_futex_stop(&pipe->words->room);
}

void smi_reader_init(struct smi_reader *reader, struct smi_pipe *pipe, uint64_t njobs)
{
	*reader = (struct smi_reader){ .pipe = pipe, .njobs = njobs };
}

static const struct smi_frame *frame_at(const struct smi_reader *reader)
{
	return (const struct smi_frame *)smi_ring_at(&reader->pipe->ring, reader->head);
}

/* Bytes of the frame at `head` that may be read: committed and not wrapping. */
static size_t readable(const struct smi_reader *reader)
{
	uint64_t committed = reader->tail - reader->head;
	uint64_t rest = smi_ring_rest(&reader->pipe->ring, reader->head);

	return committed < rest ? committed : rest;
}

static bool payload_fits(const struct smi_reader *reader, struct smi_item *item, uint64_t number)
{
	if (number > reader->pipe->ring.size)
		return false;
	item->bytes = sizeof(struct smi_frame) + smi_round_up(number, SMI_ALIGN);
	return item->bytes <= readable(reader);
}

/* How far the run goes. The count is looked at after the tail: as long as it is not
 * there, all that the tail covers belongs to the run. */
static int look_at_run(struct smi_reader *reader)
{
	const struct smi_pipe *pipe = reader->pipe;
	const struct smi_frame *frame = (const struct smi_frame *)smi_ring_at(&pipe->ring, reader->run_frame);
	uint64_t first = reader->run_frame + sizeof *frame;
	uint64_t word, count;

	reader->tail = atomic_load_explicit(&pipe->words->tail, memory_order_acquire);
	word = atomic_load_explicit(&frame->word, memory_order_acquire);
	count = word >> SMI_COUNT_SHIFT & SMI_COUNT_MASK;
	reader->run_closed = count > 0;
	reader->run_end = count > 0 ? first + count * reader->run_stride : reader->tail;
	if (reader->run_closed)
		reader->tail = atomic_load_explicit(&pipe->words->tail, memory_order_acquire);
	if (reader->run_end < reader->head || reader->run_end > reader->tail ||
	    reader->run_end - reader->run_frame > smi_ring_rest(&pipe->ring, reader->run_frame) ||
	    (reader->run_end - first) % reader->run_stride != 0 ||
	    (reader->run_end - first) / reader->run_stride > reader->njobs - reader->run_first)
		return -EBADMSG;
	return 0;
}

/* The next value of the run; 0: none yet; -EAGAIN: the run has been left. */
static int continue_run(struct smi_reader *reader, struct smi_item *item)
{
	int r = 0;

	if (reader->head >= reader->run_end && !reader->run_closed)
		r = look_at_run(reader);
	if (r < 0)
		return r;
	if (smi_reader_next_value(reader, item))
		return 1;
	if (!reader->run_closed)
		return 0;
	reader->run_size = reader->run_end = 0;
	return -EAGAIN;
}

static int enter_run(struct smi_reader *reader, struct smi_item *item, uint64_t number)
{
	uint64_t size = number & SMI_SIZE_MASK;
	int r;

	if (size == 0 || size > reader->pipe->ring.size || item->job >= reader->njobs)
		return -EBADMSG;
	reader->run_size = size;
	reader->run_stride = smi_round_up(size, SMI_ALIGN);
	reader->run_frame = reader->head;
	reader->run_job = reader->run_first = item->job;
	reader->head += sizeof(struct smi_frame);
	reader->run_end = 0;
	reader->run_closed = false;
	r = look_at_run(reader);
	if (r == 0 && !smi_reader_next_value(reader, item))
		r = -EBADMSG;
	return r < 0 ? r : 1;
}

/* The part of the file that the frame names, mapped: the view that is there, or
 * a new one. */
static int map_slab(struct smi_pipe *pipe, const struct smi_slab_frame *where)
{
	struct smi_slab *view = &pipe->view[where->slab];
	uint64_t size, held;
	char *address;

	if (view->address && view->offset == where->offset && view->capacity == where->capacity)
		return 0;
	if (where->capacity == 0 || (where->offset | where->capacity) % SMI_HUGE != 0 ||
	    smi_file_size(pipe->file, &size, &held) < 0 || where->offset > size ||
	    where->capacity > size - where->offset)
		return -EBADMSG;
	address = smi_file_map(pipe->file, where->offset, where->capacity);
	if (!address)
		return -ENOMEM;
	smi_unmap(view->address, view->capacity);
	*view = (struct smi_slab){ address, where->offset, where->capacity, 0, false };
	return 0;
}

static int read_slab(struct smi_reader *reader, struct smi_item *item, uint64_t number)
{
	struct smi_slab_frame where;
	struct smi_slab *view;
	int r;

	if (number != sizeof where || !payload_fits(reader, item, number) || item->job >= reader->njobs)
		return -EBADMSG;
	memcpy(&where, frame_at(reader) + 1, sizeof where);
	if (where.slab >= SMI_SLABS || where.size > where.capacity)
		return -EBADMSG;
	r = map_slab(reader->pipe, &where);
	if (r < 0)
		return r;
	view = &reader->pipe->view[where.slab];
	if (view->filled < where.size)
		view->filled = smi_round_up(where.size, SMI_HUGE);
	item->kind = SMI_FRAME_VALUE;
	item->slab = (int)where.slab;
	item->data = view->address;
	item->size = where.size;
	return 1;
}

/* A run is left only when something stands behind it: until then it may grow. */
static int read_run(struct smi_reader *reader, struct smi_item *item, uint64_t number)
{
	bool counted = item->kind == SMI_FRAME_DONE;
	uint64_t job = item->job, most = counted ? job + 1 : reader->njobs - job;

	if (job >= reader->njobs || number == 0 || number < reader->taken || number > most)
		return -EBADMSG;
	item->count = number - reader->taken;
	item->job = counted ? job + 1 - item->count : job + reader->taken;
	item->kind = SMI_FRAME_EMPTY;
	item->bytes = 0;
	if (item->count > 0)
		return 1;
	if (reader->tail - reader->head == sizeof(struct smi_frame))
		return 0;
	reader->head += sizeof(struct smi_frame);
	reader->taken = 0;
	return -EAGAIN;
}

static int read_failure(struct smi_reader *reader, struct smi_item *item, uint64_t number)
{
	const char *payload = (const char *)(frame_at(reader) + 1);
	int32_t code[2];

	if (number < sizeof code || number > sizeof code + SMI_MESSAGE_MOST || !payload_fits(reader, item, number) ||
	    (item->job >= reader->njobs && item->job != UINT64_MAX))
		return -EBADMSG;
	memcpy(code, payload, sizeof code);
	item->status = code[0];
	item->code = code[1];
	item->data = payload + sizeof code;
	item->size = number - sizeof code;
	return 1;
}

/* A pad leads to where a part of the ring begins, where there can be none: so no writer can make
 * the reader go round without an item. */
static int skip_pad(struct smi_reader *reader, uint64_t number)
{
	const struct smi_ring *ring = &reader->pipe->ring;

	if (smi_ring_offset(ring, reader->head) == 0 || number != smi_ring_rest(ring, reader->head) ||
	    number > reader->tail - reader->head)
		return -EBADMSG;
	reader->head += number;
	return -EAGAIN;
}

/* What the frame at `head` says. -EAGAIN: it has been left, look at the next. */
static int read_frame(struct smi_reader *reader, struct smi_item *item)
{
	const struct smi_frame *frame;
	uint64_t word, number;

	if (reader->head == reader->tail || reader->taken > 0)
		reader->tail = atomic_load_explicit(&reader->pipe->words->tail, memory_order_acquire);
	if (reader->head == reader->tail)
		return 0;
	if (reader->tail - reader->head > reader->pipe->ring.size || reader->tail % SMI_ALIGN != 0)
		return -EBADMSG;
	frame = frame_at(reader);
	word = atomic_load_explicit(&frame->word, memory_order_acquire);
	number = word & SMI_NUMBER_MASK;
	*item = (struct smi_item){ .kind = (enum smi_frame_kind)(word >> SMI_KIND_SHIFT),
				   .job = atomic_load_explicit(&frame->job, memory_order_relaxed),
				   .count = 1,
				   .slab = -1 };
	switch (item->kind) {
	case SMI_FRAME_VALUE:
		return enter_run(reader, item, number);
	case SMI_FRAME_EMPTY:
	case SMI_FRAME_DONE:
		return read_run(reader, item, number);
	case SMI_FRAME_SLAB:
		return read_slab(reader, item, number);
	case SMI_FRAME_FAILED:
		return read_failure(reader, item, number);
	case SMI_FRAME_PAD:
		return skip_pad(reader, number);
	}
	return -EBADMSG;
}

int smi_reader_next(struct smi_reader *reader, struct smi_item *item)
{
	int r = reader->run_size > 0 ? continue_run(reader, item) : -EAGAIN;

	while (r == -EAGAIN && !reader->closed)
		r = read_frame(reader, item);
	return r == -EAGAIN ? 0 : r;
}

void smi_reader_close(struct smi_reader *reader)
{
	reader->closed = true;
	reader->taken = reader->run_size = reader->run_end = 0;
}

void smi_reader_publish(struct smi_reader *reader)
{
	struct smi_pipe_words *words = reader->pipe->words;

	uint64_t head = reader->run_size > 0 ? reader->run_frame : reader->head;

	if (reader->published != head) {
		reader->published = head;
		atomic_store(&words->head, head);
	}
	if (atomic_load(&words->full) && atomic_exchange(&words->full, 0)) {
		atomic_fetch_add(&words->room, SMI_NEWS);
		smi_futex_wake(&words->room, 1);
	}
}

void smi_reader_done(struct smi_reader *reader, const struct smi_item *item)
{
	if (item->kind == SMI_FRAME_EMPTY)
		reader->taken += item->count;
	if (item->kind == SMI_FRAME_VALUE && item->slab < 0)
		reader->run_job++;
	reader->head += item->bytes;
	if (item->job != UINT64_MAX)
		reader->committed = item->job + item->count;
	if (item->slab >= 0) {
		atomic_store(&reader->pipe->words->lent[item->slab], 0);
		smi_reader_publish(reader);
	} else if (reader->head - reader->published > reader->pipe->ring.size / 2) {
		smi_reader_publish(reader);
	}
}

bool smi_reader_has_news(const struct smi_reader *reader)
{
	uint64_t tail = atomic_load(&reader->pipe->words->tail);
	uint64_t word;

	if (tail == reader->head || reader->taken == 0 || reader->closed)
		return tail != reader->head && !reader->closed;
	word = atomic_load_explicit(&frame_at(reader)->word, memory_order_relaxed);
	return tail - reader->head > sizeof(struct smi_frame) || (word & SMI_NUMBER_MASK) != reader->taken;
}

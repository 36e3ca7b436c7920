/* SPDX-License-Identifier: MIT */
#include "error/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "error/symbol.h"
#include "error/unwind.h"
#include "os/io.h"

/* A number and not a table: no page is touched for it. */
#define BIT(signal) ((uint64_t)1 << (signal))
#define FATAL (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGABRT) | BIT(SIGSYS) | BIT(SIGTRAP))

/* The handler's own stack, for overflows of the other one; and where to write.
 * A process is one worker, so there is one of each. */
static char stack[64 << 10] __attribute__((aligned(64)));
static struct smi_crash *record;
static int bell_fd;

static uintptr_t program_counter(const void *context)
{
#if defined(__x86_64__)
	return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

/* Stores the stack from the place of the fault down, without the handler's part. */
static void store_stack(uintptr_t pc)
{
	void *frame[SMI_CRASH_FRAMES];
	int n = smi_unwind(frame, SMI_CRASH_FRAMES), first = 0;

	while (first < n && (uintptr_t)frame[first] != pc)
		first++;
	if (first == n)
		first = n > 2 ? 2 : n;
	for (int i = first; i < n; i++)
		record->frame[i - first] = (uintptr_t)frame[i];
	record->frames = n - first;
}

/* The default action is back already (SA_RESETHAND), so a fault in here or in the
 * unwinder ends the process too. */
static void die(int signal, siginfo_t *info, void *context)
{
	record->address = (uintptr_t)info->si_addr;
	record->frame[0] = program_counter(context);
	record->frames = record->frame[0] != 0;
	atomic_store_explicit(&record->signal, signal, memory_order_release);
	store_stack(record->frame[0]);
	smi_bell_ring(bell_fd);
	raise(signal);
}

void smi_crash_prepare(void)
{
	void *frame[2];

	smi_unwind(frame, 2);
}

void smi_crash_guard(struct smi_crash *crash, int bell)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_sigaction = die,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER };

	record = crash;
	bell_fd = bell;
	sigaltstack(&alternate, NULL);
	sigemptyset(&action.sa_mask);
	for (uint64_t left = FATAL; left; left &= left - 1)
		sigaction(__builtin_ctzll(left), &action, NULL);
}

bool smi_crash_is_guarded(void)
{
	return record != NULL;
}

void smi_crash_backtrace(const struct smi_crash *crash, char *text, size_t size)
{
	int frames = crash->frames;
	size_t used = 0;

	text[0] = '\0';
	if (frames < 0 || frames > SMI_CRASH_FRAMES)
		return;
	for (int i = 0; i < frames && used < size; i++) {
		char name[256];
		int n;

		/* All but the first are return addresses: the call is before them. */
		smi_symbol_name(crash->frame[i] - (i > 0), name, sizeof name);
		n = snprintf(text + used, size - used, "#%-2d %#lx %s\n", i,
			     (unsigned long)crash->frame[i], name);
		used += n > 0 ? (size_t)n : 0;
	}
}

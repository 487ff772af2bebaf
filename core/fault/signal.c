/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handlers. They run on the thread's alternate stack and never block signals (SA_NODEFER, an
 * empty mask), so that leaving them by siglongjmp() restores nothing and makes no system call.
 */
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include <core/fault/fault.h>
#include <core/plugin/instance.h>

static const struct {
	int number;
	const char *name;
} signals[] = {
	{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
	{SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"},
};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction previous[SIGNALS];

/* Of the main thread, to a worker that does not come back. Not one that libraries like to take. */
static int watch_signal(void)
{
	return SIGRTMAX - 3;
}

const char *sl_fault_signal_name(int number)
{
	for (unsigned int i = 0; i < SIGNALS; i++)
		if (signals[i].number == number)
			return signals[i].name;
	return "a signal";
}

static uintptr_t counter_of(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
	return 0;
#endif
}

/* Where a call that jumped to no code came from: unwinders give up there. */
static void *caller_of(const ucontext_t *context)
{
#if defined(__x86_64__)
	return *(void **)context->uc_mcontext.gregs[REG_RSP]; // NOLINT: a stack pointer
#elif defined(__aarch64__)
	return (void *)context->uc_mcontext.regs[30]; // NOLINT: the link register
#else
	return NULL;
#endif
}

/* May itself stumble over a stack that was written over: then what there is so far is kept. */
static void note_frames(struct sl_fault_cause *cause, const ucontext_t *context)
{
	void *frames[SL_FAULT_FRAMES + 8];
	int count, first = 0;

	cause->frames[0] = (void *)cause->pc; // NOLINT: an address of code
	cause->frame_count = 1;
	count = backtrace(frames, SL_FAULT_FRAMES + 8);
	while (first < count && frames[first] != cause->frames[0])
		first++;
	for (int i = first + 1; i < count && cause->frame_count < SL_FAULT_FRAMES; i++)
		cause->frames[cause->frame_count++] = frames[i];
	if (cause->frame_count == 1) {
		cause->frames[1] = caller_of(context);
		cause->frame_count = 2;
	}
}

static void note(struct sl_fault_thread *thread, enum sl_fault_kind kind, const siginfo_t *info,
		 const ucontext_t *context)
{
	struct sl_fault_cause *cause = &thread->seen;

	cause->kind = kind;
	cause->signal = kind == SL_FAULT_SIGNAL ? info->si_signo : 0;
	cause->code = info->si_code;
	cause->address = info->si_code > 0 ? (uintptr_t)info->si_addr : 0;
	cause->pc = counter_of(context);
	thread->noting = true;
	note_frames(cause, context);
	thread->noting = false;
}

/* Raised by the instruction itself, or by abort(); not sent by somebody with kill(). */
static bool of_this_thread(const siginfo_t *info)
{
	if (info->si_signo == SIGABRT)
		return info->si_code == SI_TKILL && info->si_pid == getpid();
	return info->si_code > 0;
}

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
}

/* Nothing of the engine can be trusted any more: say where, and end by the signal. */
static void die(const siginfo_t *info, const ucontext_t *context)
{
	void *frames[64];
	char text[256];
	int count;

	for (unsigned int i = 0; i < SIGNALS; i++)
		if (signals[i].number == info->si_signo)
			sigaction(info->si_signo, &previous[i], NULL);
	snprintf(text, sizeof(text),
		 "sluice: %s at address %p, code %p, in no call of a plugin's: this is a fault of "
		 "the engine, which ends here\n",
		 sl_fault_signal_name(info->si_signo), info->si_code > 0 ? info->si_addr : NULL,
		 (void *)counter_of(context)); // NOLINT: an address of code
	say(text);
	count = backtrace(frames, 64);
	backtrace_symbols_fd(frames, count, STDERR_FILENO);
	/* The instruction faults again, or abort() goes on; a signal that was sent must come again.
	 */
	if (!of_this_thread(info) || info->si_signo == SIGABRT)
		raise(info->si_signo);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct sl_fault_thread *thread = sl_fault_self;
	struct sl_contain *contain = thread != NULL ? thread->innermost : NULL;

	if (contain != NULL && thread->noting) {
		thread->noting = false;
		siglongjmp(contain->env, 1);
	}
	if (contain == NULL || !of_this_thread(info) || contain->blame(contain) == NULL) {
		die(info, context);
		return;
	}
	note(thread, SL_FAULT_SIGNAL, info, context);
	siglongjmp(contain->env, 1);
}

static void on_watch(int number, siginfo_t *info, void *context)
{
	struct sl_fault_thread *thread = sl_fault_self;
	struct sl_contain *contain = thread != NULL ? thread->innermost : NULL;
	uintptr_t pc = counter_of(context);
	const struct sl_accusation *accused;
	const struct sl_instance *instance;

	if (contain == NULL || thread->noting)
		return;
	accused = &thread->accused;
	if (!atomic_load_explicit(&accused->active, memory_order_acquire) ||
	    accused->place != sl_fault_place(thread))
		return;
	instance = contain->blame(contain);
	if (instance == NULL ||
	    (!accused->force && (pc < instance->code_low || pc >= instance->code_high)))
		return;
	atomic_store_explicit(&thread->accused.active, false, memory_order_relaxed);
	note(thread, SL_FAULT_STUCK, info, context);
	siglongjmp(contain->env, 1);
}

void sl_fault_accuse(struct sl_fault_thread *thread, uint64_t place, bool force)
{
	struct sl_accusation *accused = &thread->accused;

	if (!atomic_load_explicit(&thread->alive, memory_order_acquire))
		return;
	/* While it is not active the handler does not look at the rest. */
	atomic_store_explicit(&accused->active, false, memory_order_release);
	accused->place = place;
	accused->force = force;
	atomic_store_explicit(&accused->active, true, memory_order_release);
	pthread_kill(thread->thread, watch_signal());
}

void sl_fault_install(void)
{
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	void *frame;

	/* The first call loads the unwinder, which no handler may. */
	(void)backtrace(&frame, 1);
	sigemptyset(&action.sa_mask);
	for (unsigned int i = 0; i < SIGNALS; i++) {
		struct sigaction before;

		if (sigaction(signals[i].number, &action, &before) == 0 &&
		    before.sa_sigaction != on_fault)
			previous[i] = before;
	}
	action.sa_sigaction = on_watch;
	action.sa_flags |= SA_RESTART;
	sigaction(watch_signal(), &action, NULL);
}

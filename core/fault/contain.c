/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <core/fault/fault.h>

/* For the handler, with the registers of any vector unit, and an unwinder in it. */
#define STACK ((size_t)128 << 10)
/* Faults that wait for the main thread, which looks every millisecond. */
#define SLOTS 32

_Thread_local struct sl_fault_thread *sl_fault_self;

struct sl_fault_thread *sl_fault_thread_new(void)
{
	struct sl_fault_thread *thread = calloc(1, sizeof(*thread));

	if (thread == NULL)
		return NULL;
	thread->stack_size = STACK;
	thread->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (thread->stack != MAP_FAILED)
		return thread;
	free(thread);
	return NULL;
}

void sl_fault_thread_free(struct sl_fault_thread *thread)
{
	if (thread == NULL)
		return;
	munmap(thread->stack, thread->stack_size);
	free(thread);
}

void sl_fault_adopt(struct sl_fault_thread *thread)
{
	stack_t stack = {.ss_sp = thread->stack, .ss_size = thread->stack_size};

	/* Where a sanitizer has put its own in place, that one serves. */
	sigaltstack(&stack, NULL);
	thread->thread = pthread_self();
	thread->number = gettid();
	sl_fault_self = thread;
	atomic_store_explicit(&thread->alive, true, memory_order_release);
}

void sl_fault_disown(void)
{
	stack_t stack = {.ss_flags = SS_DISABLE};

	if (sl_fault_self == NULL)
		return;
	atomic_store_explicit(&sl_fault_self->alive, false, memory_order_release);
	sl_fault_self = NULL;
	sigaltstack(&stack, NULL);
}

struct sl_instance *sl_blame_context(const struct sl_contain *contain)
{
	return contain->context;
}

bool sl_fault_run(struct sl_instance *instance, void (*run)(void *context), void *context)
{
	struct sl_fault_thread *thread = sl_fault_self;
	struct sl_contain contain;

	if (thread == NULL) {
		run(context);
		return true;
	}
	sl_contain_enter(thread, &contain, sl_blame_context, instance);
	if (sigsetjmp(contain.env, 0) == 0) {
		sl_contain_arm(thread, &contain);
		run(context);
		sl_contain_leave(thread, &contain);
		return true;
	}
	sl_contain_leave(thread, &contain);
	return false;
}

uint64_t sl_fault_place(struct sl_fault_thread *thread)
{
	const void *graph = atomic_load_explicit(&thread->walking, memory_order_acquire);
	uint64_t serial = atomic_load_explicit(&thread->serial, memory_order_relaxed);
	uint64_t (*place)(const void *) =
		atomic_load_explicit(&thread->place, memory_order_relaxed);

	return (graph != NULL ? place(graph) : 0) + serial * UINT64_C(0x9e3779b97f4a7c15);
}

/*
 * Slots
 */

enum { FREE, FILLING, POSTED };

static struct slot {
	_Atomic int state;
	uint64_t number;
	struct sl_fault fault;
} slots[SLOTS];

static _Atomic uint64_t posted, lost;
static uint64_t taken; /* main's */

struct sl_fault *sl_fault_claim(void)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		int expected = FREE;

		if (atomic_compare_exchange_strong(&slots[i].state, &expected, FILLING)) {
			slots[i].fault = (struct sl_fault){.hop = UINT16_MAX};
			return &slots[i].fault;
		}
	}
	atomic_fetch_add(&lost, 1);
	return NULL;
}

void sl_fault_post(struct sl_fault *fault)
{
	struct slot *slot = (struct slot *)(void *)((char *)fault - offsetof(struct slot, fault));

	slot->number = atomic_fetch_add(&posted, 1);
	atomic_store_explicit(&slot->state, POSTED, memory_order_release);
}

bool sl_fault_take(struct sl_fault *fault)
{
	struct slot *first = NULL;

	if (atomic_load_explicit(&posted, memory_order_acquire) == taken)
		return false;
	for (unsigned int i = 0; i < SLOTS; i++)
		if (atomic_load_explicit(&slots[i].state, memory_order_acquire) == POSTED &&
		    (first == NULL || slots[i].number < first->number))
			first = &slots[i];
	if (first == NULL)
		return false;
	*fault = first->fault;
	taken++;
	atomic_store_explicit(&first->state, FREE, memory_order_release);
	return true;
}

uint64_t sl_faults_lost(void)
{
	return atomic_load(&lost);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults of plugins on workers, and how a worker comes out of the call that they happen in.
 *
 * Before a worker calls into a plugin it says so: in a walk of the graph by two stores, with one
 * sigsetjmp() for the whole walk (core/graph/contain.c), elsewhere by a frame of its own. A fault
 * signal, or the main thread's signal to a worker that does not come back, is then taken on an
 * alternate stack: the handler notes the cause and jumps out. The same signal outside of any such
 * call is a fault of the engine: the program says where, and ends by it.
 *
 * What was noted goes to the main thread over a few slots, so that no worker waits or allocates.
 */
#ifndef CORE_FAULT_FAULT_H
#define CORE_FAULT_FAULT_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mbuf;
struct sl_instance;

/* Return addresses that are kept of a fault, and packets of its burst. */
#define SL_FAULT_FRAMES  32
#define SL_FAULT_PACKETS 16

enum sl_fault_kind {
	SL_FAULT_SIGNAL, /* SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT */
	SL_FAULT_STUCK,  /* a call took longer than the watchdog allows */
	SL_FAULT_EDGE,   /* it named an edge that does not exist */
	SL_FAULT_MEMORY, /* it wanted more memory than its limit */
};

enum sl_fault_call {
	SL_CALL_PROCESS,
	SL_CALL_TICK,
	SL_CALL_GUARD,
	SL_CALL_CREDIT,
	SL_CALL_COLLECT,
	SL_CALL_SPREAD,
	SL_CALL_KNOWS,
	SL_CALL_MAIN, /* on the main thread */
};

/* What can be told at the very place. */
struct sl_fault_cause {
	enum sl_fault_kind kind;
	int signal, code;  /* si_code */
	uintptr_t address; /* that it stumbled over */
	uintptr_t pc;
	unsigned int frame_count;
	void *frames[SL_FAULT_FRAMES]; /* pc first, then return addresses outwards */
};

struct sl_fault {
	struct sl_fault_cause cause;
	enum sl_fault_call call;
	struct sl_instance *instance; /* it cannot end before the main thread has taken this */
	uint64_t when;                /* TSC */
	uint16_t worker;
	uint16_t hop;   /* its number; UINT16_MAX: none */
	uint16_t burst; /* packets in the call */
	uint8_t edge;   /* SL_FAULT_EDGE */
	unsigned int packet_count;
	struct rte_mbuf *packets[SL_FAULT_PACKETS]; /* first of the burst; taken over */
};

/*
 * Coming out of a call
 */

/* A place to come out at: in the frame of the function that calls sigsetjmp() on `env`. */
struct sl_contain {
	sigjmp_buf env;
	struct sl_contain *outer;
	/* In the handler: whose call it is; NULL: the engine's own code runs. */
	struct sl_instance *(*blame)(const struct sl_contain *contain);
	void *context;
};

/* Set by the main thread for the handler: only the very call that it saw is left. */
struct sl_accusation {
	_Atomic bool active;
	uint64_t place; /* sl_fault_place(): the call */
	/* Also where it is in none of the plugin's own code, and may be changing something of the
	 * engine's: it does not seem to come back from there. */
	bool force;
};

/* Of a thread that calls plugins. Written by it, but for the accusation. */
struct sl_fault_thread {
	struct sl_contain *volatile innermost;
	volatile bool noting;    /* the handler runs */
	_Atomic uint64_t serial; /* of calls outside of walks */
	_Atomic(void *) walking; /* graph */
	uint64_t (*_Atomic place)(const void *graph);
	_Atomic bool alive; /* a thread has it */
	bool main;          /* the main thread: it may allocate, and has no packets */
	uint16_t worker;    /* else: its number */
	pthread_t thread;
	long number; /* the kernel's, of the thread */
	struct sl_fault_cause seen;
	struct sl_accusation accused;
	void *stack;
	size_t stack_size;
};

/* Of this thread; NULL: nothing is contained. */
extern _Thread_local struct sl_fault_thread *sl_fault_self;

/* Handlers for the process; may be called again. */
void sl_fault_install(void);
/* NULL: out of memory. Main thread. */
struct sl_fault_thread *sl_fault_thread_new(void);
void sl_fault_thread_free(struct sl_fault_thread *thread);
/* This thread takes it, and gives it up. */
void sl_fault_adopt(struct sl_fault_thread *thread);
void sl_fault_disown(void);

static inline void sl_contain_enter(struct sl_fault_thread *thread, struct sl_contain *contain,
				    struct sl_instance *(*blame)(const struct sl_contain *contain),
				    void *context)
{
	contain->outer = thread->innermost;
	contain->blame = blame;
	contain->context = context;
	atomic_store_explicit(&thread->serial,
			      atomic_load_explicit(&thread->serial, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Once sigsetjmp() has been called. */
static inline void sl_contain_arm(struct sl_fault_thread *thread, struct sl_contain *contain)
{
	atomic_signal_fence(memory_order_seq_cst);
	thread->innermost = contain;
}

static inline void sl_contain_leave(struct sl_fault_thread *thread, struct sl_contain *contain)
{
	atomic_signal_fence(memory_order_seq_cst);
	thread->innermost = contain->outer;
}

/* The context is the instance. */
struct sl_instance *sl_blame_context(const struct sl_contain *contain);
/* Call this on behalf of the instance. False: it did not come back, for the cause that
 * sl_fault_self->seen says. */
bool sl_fault_run(struct sl_instance *instance, void (*run)(void *context), void *context);

/*
 * The watchdog
 */

/* What the thread is doing: the same number only for the same call. Any thread. */
uint64_t sl_fault_place(struct sl_fault_thread *thread);
/* Ask the thread to come out of the call at that place. Main. */
void sl_fault_accuse(struct sl_fault_thread *thread, uint64_t place, bool force);

/*
 * To the main thread
 */

/* A slot to fill in and post; NULL: all are taken, which is counted. Any thread. */
struct sl_fault *sl_fault_claim(void);
void sl_fault_post(struct sl_fault *fault);
/* Take the next one. Main. */
bool sl_fault_take(struct sl_fault *fault);
uint64_t sl_faults_lost(void);

/*
 * Names
 */

struct sl_symbol {
	char name[128];  /* of the function, static ones too; "": not known */
	char file[256];  /* "": the address lies in none */
	uint64_t into;   /* from the function's start */
	uint64_t offset; /* in the file as it was linked, as addr2line wants it */
};

/* Main. */
void sl_symbol_find(uintptr_t address, struct sl_symbol *symbol);
/* Where the code that this address lies in begins and ends. False: in no file. Main. */
bool sl_symbol_module(uintptr_t address, uintptr_t *low, uintptr_t *high);
const char *sl_fault_signal_name(int signal);

#endif

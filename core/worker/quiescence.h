/* SPDX-License-Identifier: BSD-3-Clause */
/* The one RCU state of the process: workers report to it, sl_synchronize() waits on it. */
#ifndef CORE_WORKER_QUIESCENCE_H
#define CORE_WORKER_QUIESCENCE_H

struct rte_rcu_qsbr;

/* One more worker uses it; the first makes it, the last that leaves frees it. Main thread. */
int sl_quiescence_join(void);
void sl_quiescence_leave(void);
struct rte_rcu_qsbr *sl_quiescence(void);

#endif

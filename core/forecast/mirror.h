/* SPDX-License-Identifier: BSD-3-Clause */
/* A port that answers: what is sent to it comes back with both ends swapped. For measuring. */
#ifndef CORE_FORECAST_MIRROR_H
#define CORE_FORECAST_MIRROR_H

#define SL_MIRROR_PORT "mirror"
/* Chain files know the kind from now on. */
void sl_mirror_port_register(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a chain test, from what its file says. */
#ifndef CORE_TEST_BUILD_H
#define CORE_TEST_BUILD_H

#include <core/chain/model.h>
#include <core/chain/tree.h>
#include <core/test/layers.h>

/* A text of hexadecimal digits, or layers: a map from their names to their fields, or a list of
 * such maps. Lengths, types, protocols and checksums that are not given are made. Names of ports
 * of the chain, and NAME-peer, stand for MAC addresses. false: told. */
bool sl_packet_build(const struct sl_chain *chain, const struct sl_tree *tree,
		     struct sl_frame *frame, struct sl_errors *errors);
/* The MAC addresses of a test: of port number i, and of who is beyond it. */
void sl_test_mac(unsigned int port, bool peer, uint8_t *mac);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet sockets: made, shared and taken away. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <core/port/packet_socket.h>

/* Before the Ethernet header in a frame of the ring: the kernel's headers, with room for more. */
#define FRAME_OVERHEAD 128
#define FRAME_SIZE     2048
#define BLOCK_SIZE     (16 * FRAME_SIZE)
/* Of a send socket, for what a network card has not sent yet. */
#define SEND_BUFFER (8 << 20)

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

/* A socket at the interface; protocol 0 receives nothing. */
static int bind_to(int fd, int interface, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = interface,
	};

	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* A frame for the longest packet, a power of two so that frames lie without gaps. */
static uint32_t frame_size(uint32_t longest)
{
	return RTE_MAX(rte_align32pow2(FRAME_OVERHEAD + longest), (uint32_t)FRAME_SIZE);
}

static int map_ring(struct sl_packet_rx *rx)
{
	uint32_t block = RTE_MAX(rx->frame_size, (uint32_t)BLOCK_SIZE);
	size_t size = (size_t)rx->frames * rx->frame_size;
	struct tpacket_req request = {
		.tp_block_size = block,
		.tp_block_nr = size / block,
		.tp_frame_size = rx->frame_size,
		.tp_frame_nr = rx->frames,
	};
	void *ring;

	if (setsockopt(rx->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) < 0)
		return -errno;
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, rx->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	rx->ring = ring;
	return 0;
}

int sl_packet_rx_open(struct sl_packet_rx *rx, const struct sl_packet_socket_conf *conf,
		      struct sl_errors *errors)
{
	int rc;

	rx->longest = conf->mtu + RTE_ETHER_HDR_LEN + SL_PACKET_SOCKET_TAGS;
	rx->frames = conf->frames;
	rx->frame_size = frame_size(rx->longest);
	rx->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (rx->fd < 0 || sl_packet_rx_let(rx, false) < 0 ||
	    set(rx->fd, PACKET_VERSION, TPACKET_V2) < 0 || set(rx->fd, PACKET_VNET_HDR, 1) < 0 ||
	    set(rx->fd, PACKET_IGNORE_OUTGOING, 1) < 0)
		return sl_fail(errors, errno, "no packet socket: %s", strerror(errno));
	rc = map_ring(rx);
	if (rc < 0)
		return sl_fail(errors, -rc,
			       "the kernel makes no ring of %u frames of %u bytes: %s; fewer "
			       "`frames` take less memory",
			       rx->frames, rx->frame_size, strerror(-rc));
	if (bind_to(rx->fd, conf->interface, ETH_P_ALL) < 0)
		return sl_fail(errors, errno, "the packet socket cannot be bound: %s",
			       strerror(errno));
	return 0;
}

int sl_packet_rx_let(struct sl_packet_rx *rx, bool let)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &nothing};
	int unused = 0;

	if (let)
		return setsockopt(rx->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
	return setsockopt(rx->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void sl_packet_rx_close(struct sl_packet_rx *rx)
{
	if (rx->ring)
		munmap(rx->ring, (size_t)rx->frames * rx->frame_size);
	if (rx->fd >= 0)
		close(rx->fd);
}

int sl_packet_rx_share(struct sl_packet_rx *rx, uint16_t count, struct sl_errors *errors)
{
	/* The kernel finds a free number for the group when the first joins. Its hash is
	 * symmetric, and of the addresses alone for fragments. */
	int group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16, id;
	socklen_t size = sizeof(id);

	for (uint16_t i = 0; i < count; i++) {
		if (set(rx[i].fd, PACKET_FANOUT, group) < 0 ||
		    getsockopt(rx[i].fd, SOL_PACKET, PACKET_FANOUT, &id, &size) < 0)
			return sl_fail(errors, errno, "%u queues cannot share an interface: %s",
				       count, strerror(errno));
		group = PACKET_FANOUT_HASH << 16 | (id & UINT16_MAX);
	}
	return 0;
}

void sl_packet_rx_count_missed(struct sl_packet_rx *rx)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	/* Reading them sets them to zero. */
	if (getsockopt(rx->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		rx->missed += stats.tp_drops;
}

int sl_packet_tx_open(struct sl_packet_tx *tx, const struct sl_packet_socket_conf *conf,
		      struct sl_errors *errors)
{
	int size = SEND_BUFFER;

	tx->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (tx->fd < 0 || set(tx->fd, PACKET_QDISC_BYPASS, conf->bypass_qdisc) < 0 ||
	    bind_to(tx->fd, conf->interface, 0) < 0)
		return sl_fail(errors, errno, "no packet socket to send by: %s", strerror(errno));
	/* Beyond the system's limit where that is allowed, else as far as that goes. */
	if (setsockopt(tx->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(tx->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

void sl_packet_tx_close(struct sl_packet_tx *tx)
{
	if (tx->fd >= 0)
		close(tx->fd);
}

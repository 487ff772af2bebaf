/* SPDX-License-Identifier: BSD-3-Clause */
/* Each kind of port that an ordinary user can open moves packets, and loses none. */
#include "eal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <rte_cycles.h>

#include <core/port/pci.h>
#include <core/port/socket_path.h>

static const struct sl_port_config common = {.mtu = 1500};
static char folder[64];

/* The configurations, as the kinds' own files have them. */
struct pcap_config {
	uint64_t given;
	const char *read;
	const char *write;
	bool loop;
	uint32_t resolution;
	uint32_t timing;
	uint64_t after;
};

struct null_config {
	uint64_t given;
	bool receive;
	uint64_t size;
	bool copy;
};

struct ethdev_config {
	uint64_t given;
	const char *devargs;
};

struct memif_config {
	uint64_t given;
	const char *socket;
	uint32_t role;
	uint64_t id;
	const char *secret;
	uint64_t buffer;
	bool zero_copy;
};

struct vhost_user_config {
	uint64_t given;
	const char *socket;
	uint32_t role;
	const char *group;
	bool iommu;
	bool postcopy;
};

struct virtio_user_config {
	uint64_t given;
	const char *path;
	const char *interface;
	bool server;
	bool packed;
};

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* A frame whose bytes tell its number. */
static uint32_t frame(uint8_t *bytes, uint32_t number)
{
	uint32_t length = 60 + number * 37 % 1400;

	memset(bytes, (int)number, length);
	memset(bytes, 2, 12);
	bytes[12] = 0x88;
	bytes[13] = 0xb5; /* for local experiments */
	memcpy(bytes + 14, &number, sizeof(number));
	return length;
}

static struct rte_mbuf *make_frame(uint32_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t bytes[1500];
	uint32_t length = frame(bytes, number);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, length), bytes, length);
	return m;
}

static void assert_frame(struct rte_mbuf *m, uint32_t number)
{
	uint8_t bytes[1500], room[1500];
	uint32_t length = frame(bytes, number);

	assert_int_equal(m->pkt_len, length);
	assert_memory_equal(rte_pktmbuf_read(m, 0, length, room), bytes, length);
}

static void write_capture(const char *path, uint32_t count, int link_type)
{
	pcap_t *dead = pcap_open_dead(link_type, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(dead, path);
	uint8_t bytes[1500];

	for (uint32_t i = 0; i < count; i++) {
		struct pcap_pkthdr header = {.caplen = frame(bytes, i)};

		header.len = header.caplen;
		pcap_dump((u_char *)dumper, &header, bytes);
	}
	pcap_dump_close(dumper);
	pcap_close(dead);
}

static void assert_capture(const char *path, uint32_t count)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *file = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const u_char *data;
	uint8_t bytes[1500];

	assert_non_null(file);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(pcap_next_ex(file, &header, &data), 1);
		assert_int_equal(header->caplen, frame(bytes, i));
		assert_memory_equal(data, bytes, header->caplen);
		assert_true(llabs(header->ts.tv_sec - time(NULL)) < 10);
	}
	assert_int_equal(pcap_next_ex(file, &header, &data), PCAP_ERROR_BREAK);
	pcap_close(file);
}

static void capture_is_read_and_written(void **state)
{
	for (uint32_t resolution = 0; resolution < 2; resolution++) {
		struct pcap_config c = {.read = in_folder("in.pcap"),
					.write = in_folder("out.pcap"),
					.resolution = resolution};
		struct rte_mbuf *pkts[32];
		struct sl_port *port;
		uint32_t count = 0;

		write_capture(c.read, 500, DLT_EN10MB);
		port = open_port("file", "pcap", &c, &common, 2);
		while (!sl_port_drained(port)) {
			uint16_t n = port->rx(port, 0, pkts, RTE_DIM(pkts));

			for (uint16_t i = 0; i < n; i++)
				assert_frame(pkts[i], count++);
			assert_int_equal(port->tx(port, 0, pkts, n), n);
		}
		assert_int_equal(count, 500);
		sl_port_stop(port);
		assert_capture(c.write, 500);
		sl_port_close(port);
		assert_no_leak();
	}
}

static void capture_begins_again(void **state)
{
	struct pcap_config c = {.read = in_folder("in.pcap"), .loop = true};
	struct rte_mbuf *pkts[7];
	struct sl_port *port;

	write_capture(c.read, 3, DLT_EN10MB);
	port = open_port("file", "pcap", &c, &common, 1);
	for (uint32_t round = 0; round < 10; round++) {
		assert_int_equal(port->rx(port, 0, pkts, 7), 7);
		for (uint32_t i = 0; i < 7; i++)
			assert_frame(pkts[i], (round * 7 + i) % 3);
		assert_int_equal(port->tx(port, 0, pkts, 7), 7);
	}
	assert_false(sl_port_drained(port));
	sl_port_close(port);
	assert_no_leak();
}

/* Longer than an mbuf: it comes in segments and is written whole. */
static void capture_of_long_packets(void **state)
{
	struct pcap_config c = {.read = in_folder("long.pcap"), .write = in_folder("out.pcap")};
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(dead, c.read);
	struct pcap_pkthdr header = {.caplen = 9000, .len = 9000}, *read;
	uint8_t bytes[9000];
	const u_char *data;
	struct rte_mbuf *m;
	struct sl_port *port;

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	pcap_dump((u_char *)dumper, &header, bytes);
	pcap_dump_close(dumper);
	pcap_close(dead);
	port = open_port("file", "pcap", &c, &common, 1);
	assert_int_equal(port->rx(port, 0, &m, 1), 1);
	assert_int_equal(m->pkt_len, 9000);
	assert_true(m->nb_segs > 1);
	assert_int_equal(port->tx(port, 0, &m, 1), 1);
	sl_port_stop(port);
	sl_port_close(port);
	dead = pcap_open_offline(c.write, (char[PCAP_ERRBUF_SIZE]){0});
	assert_int_equal(pcap_next_ex(dead, &read, &data), 1);
	assert_int_equal(read->caplen, 9000);
	assert_memory_equal(data, bytes, 9000);
	pcap_close(dead);
	assert_no_leak();
}

/* Out of packets, it waits with the same one. */
static void capture_waits_for_memory(void **state)
{
	struct pcap_config c = {.read = in_folder("in.pcap")};
	struct rte_mbuf **all = calloc(POOL_SIZE, sizeof(*all)), *m;
	struct sl_port *port;

	write_capture(c.read, 1, DLT_EN10MB);
	port = open_port("file", "pcap", &c, &common, 1);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, POOL_SIZE), 0);
	assert_int_equal(port->rx(port, 0, &m, 1), 0);
	assert_false(sl_port_drained(port));
	rte_pktmbuf_free_bulk(all, POOL_SIZE);
	assert_int_equal(port->rx(port, 0, &m, 1), 1);
	assert_frame(m, 0);
	assert_int_equal(port->rx(port, 0, &m, 1), 0);
	assert_true(sl_port_drained(port));
	rte_pktmbuf_free(m);
	sl_port_close(port);
	free(all);
	assert_no_leak();
}

static void assert_refused(const char *kind, const void *config, const char *text)
{
	const struct sl_port_kind *k = sl_port_kind_find(kind);
	struct sl_port *port = sl_port_open("p", 99, k, config, &common, pool, 1, errors);
	const char *message;

	assert_null(port);
	assert_int_equal(sl_errors_count(errors), 1);
	message = sl_errors_get(errors, 0)->text;
	assert_memory_equal(message, "port p: ", 8);
	if (!strstr(message, text))
		fail_msg("\"%s\" does not say \"%s\"", message, text);
	sl_errors_free(errors);
	errors = sl_errors_new();
}

static void says_why_it_cannot_open(void **state)
{
	struct pcap_config no_file = {.read = "/nowhere/at/all.pcap"};
	struct pcap_config no_folder = {.write = "/nowhere/at/all.pcap"};
	struct pcap_config raw = {.read = in_folder("raw.pcap")};
	struct ethdev_config no_driver = {.devargs = "net_nothing0"};
	struct memif_config bad_socket = {.socket = "/proc/x.sock", .buffer = 2048};
	struct vhost_user_config no_dir = {.socket = "/nowhere/x.sock"};
	struct virtio_user_config nobody = {.path = in_folder("nobody.sock")};

	write_capture(raw.read, 1, DLT_RAW);
	assert_refused("pcap", &no_file, "No such file");
	assert_refused("pcap", &no_folder, "No such file");
	assert_refused("pcap", &raw, "not Ethernet");
	assert_refused("ethdev", &no_driver, "net_nothing0");
	assert_refused("vhost-user", &no_dir, "no socket can be made in /nowhere");
	assert_refused("virtio-user", &nobody, "must be there first");
	(void)bad_socket;
	assert_no_leak();
}

static void null_takes_and_gives(void **state)
{
	struct null_config c = {.size = 100};
	struct rte_mbuf *pkts[32];
	struct sl_port *port = open_port("null", "null", &c, &common, 1);

	assert_true(sl_port_drained(port));
	assert_int_equal(port->rx(port, 0, pkts, 32), 0);
	for (uint32_t i = 0; i < 32; i++)
		pkts[i] = make_frame(i);
	assert_int_equal(port->tx(port, 0, pkts, 32), 32);
	sl_port_stop(port);
	sl_port_close(port);
	assert_no_leak();
	c.receive = true;
	port = open_port("null", "null", &c, &common, 1);
	assert_false(sl_port_drained(port));
	assert_int_equal(port->rx(port, 0, pkts, 32), 32);
	assert_int_equal(pkts[31]->pkt_len, 100);
	assert_int_equal(port->tx(port, 0, pkts, 32), 32);
	sl_port_close(port);
	assert_no_leak();
}

/* Send frames into one port until as many have come out of the other, in order. */
static void move(struct sl_port *from, struct sl_port *to, uint32_t count)
{
	uint64_t end = rte_get_tsc_cycles() + 10 * rte_get_tsc_hz();
	struct rte_mbuf *pkts[16], *m;
	uint32_t sent = 0, got = 0;

	while (got < count) {
		uint16_t n;

		if (sent < count) {
			m = make_frame(sent);
			if (from->tx(from, 0, &m, 1) == 1)
				sent++;
			else
				rte_pktmbuf_free(m);
		}
		n = to->rx(to, 0, pkts, RTE_DIM(pkts));
		for (uint16_t i = 0; i < n; i++) {
			assert_frame(pkts[i], got++);
			rte_pktmbuf_free(pkts[i]);
		}
		if (rte_get_tsc_cycles() > end)
			fail_msg("%u sent, %u received", sent, got);
		if (sent == 0)
			rte_delay_us_sleep(1000); /* they have not met yet */
	}
}

static void ring_by_devargs(void **state)
{
	struct ethdev_config c = {.devargs = "net_ring0"};
	struct sl_port *port = open_port("ring", "ethdev", &c, &common, 1);

	move(port, port, 300);
	sl_port_stop(port);
	sl_port_close(port);
	assert_no_leak();
	/* It is gone, and can be made again. */
	port = open_port("ring", "ethdev", &c, &common, 1);
	sl_port_close(port);
}

static void memif_both_roles(void **state)
{
	struct memif_config server = {.socket = in_folder("memif.sock"), .buffer = 2048, .id = 3};
	struct memif_config client = server;
	struct sl_port *a, *b;

#ifdef __SANITIZE_THREAD__
	/* DPDK is not instrumented: how memif and its interrupt thread take turns is not seen. */
	print_message("skipped: ThreadSanitizer cannot see inside DPDK's memif driver\n");
	skip();
#endif
	client.role = 1;
	client.secret = server.secret = "word";
	assert_int_equal(sl_port_kind_find("memif")->check(&server, errors), 0);
	a = open_port("a", "memif", &server, &common, 1);
	b = open_port("b", "memif", &client, &common, 1);
	move(a, b, 500);
	move(b, a, 500);
	sl_port_stop(a);
	sl_port_stop(b);
	sl_port_close(a);
	sl_port_close(b);
	assert_no_leak();
}

static void vhost_user_and_virtio_user(void **state)
{
	struct vhost_user_config vhost = {.socket = in_folder("vhost.sock")};
	struct virtio_user_config virtio = {.path = vhost.socket};
	struct sl_port *a, *b;

	a = open_port("a", "vhost-user", &vhost, &common, 1);
	b = open_port("b", "virtio-user", &virtio, &common, 1);
	move(b, a, 500);
	move(a, b, 500);
	sl_port_stop(b);
	sl_port_close(b);
	sl_port_stop(a);
	sl_port_close(a);
	assert_no_leak();
}

static void old_sockets_make_way(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/old.sock", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(sl_socket_prepare(address.sun_path, NULL), -EADDRINUSE);
	close(fd);
	assert_int_equal(sl_socket_prepare(address.sun_path, NULL), 0);
	assert_int_equal(access(address.sun_path, F_OK), -1);
	assert_int_equal(sl_socket_prepare(folder, NULL), -EEXIST);
}

static void checks_parameters(void **state)
{
	struct pcap_config neither = {0}, same = {.read = "/a", .write = "/a"};
	struct pcap_config no_loop = {.write = "/a", .loop = true};
	struct memif_config relative = {.socket = "a.sock"};
	struct memif_config comma = {.socket = "/a,b"};
	struct memif_config copies = {.socket = "/a", .zero_copy = true};
	struct vhost_user_config group = {.socket = "/a", .role = 1, .group = "kvm"};
	struct virtio_user_config interface = {.path = "/a", .interface = "x"};

	assert_true(sl_port_kind_find("pcap")->check(&neither, NULL) < 0);
	assert_true(sl_port_kind_find("pcap")->check(&same, NULL) < 0);
	assert_true(sl_port_kind_find("pcap")->check(&no_loop, NULL) < 0);
	assert_true(sl_port_kind_find("memif")->check(&relative, NULL) < 0);
	assert_true(sl_port_kind_find("memif")->check(&comma, NULL) < 0);
	assert_true(sl_port_kind_find("memif")->check(&copies, NULL) < 0);
	assert_true(sl_port_kind_find("vhost-user")->check(&group, NULL) < 0);
	assert_true(sl_port_kind_find("virtio-user")->check(&interface, NULL) < 0);
}

static void tables_are_whole(void **state)
{
	unsigned int kinds = 0;

	for (const struct sl_port_kind *k = sl_port_kind_first(); k; k = k->next) {
		kinds++;
		assert_non_null(k->doc);
		assert_non_null(k->open);
		for (const struct sl_param *p = k->params; p && p->name; p++) {
			assert_non_null(p->doc);
			assert_true(p->offset < k->config_size);
			for (const struct sl_param *c = sl_port_params; c->name; c++)
				assert_string_not_equal(p->name, c->name);
		}
	}
	assert_true(kinds >= 12);
}

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, eal_setup, eal_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tables_are_whole),
		TEST(checks_parameters),
		TEST(capture_is_read_and_written),
		TEST(capture_begins_again),
		TEST(capture_of_long_packets),
		TEST(capture_waits_for_memory),
		TEST(says_why_it_cannot_open),
		TEST(null_takes_and_gives),
		TEST(ring_by_devargs),
		TEST(old_sockets_make_way),
		TEST(memif_both_roles),
		TEST(vhost_user_and_virtio_user),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

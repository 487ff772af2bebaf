/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accessors of plugins/lua: packets of any bytes, and a script that reads and writes at any
 * offset and by every name, as the packet's mark says. Code that LuaJIT made is not watched by
 * AddressSanitizer, so each packet ends where a page ends that may not be touched.
 */
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] =
	"errors: 0\nsteps: 20000\nscript: |\n"
	"  local old\n"
	"  local names = {\n"
	"    eth = {'src', 'dst'}, vlan = {'id', 'pcp', 'dei', 'tci'},\n"
	"    ip = {'src', 'dst', 'ttl', 'tos', 'dscp', 'ecn', 'id', 'df', 'checksum', 'length',\n"
	"      'ihl'},\n"
	"    ip6 = {'src', 'dst', 'ttl', 'tos', 'dscp', 'ecn', 'flow', 'next'},\n"
	"    tcp = {'sport', 'dport', 'seq', 'ack', 'flags', 'window', 'checksum', 'urgent'},\n"
	"    udp = {'sport', 'dport', 'checksum', 'length'},\n"
	"    icmp = {'type', 'code', 'id', 'seq', 'checksum'}}\n"
	"  local kinds = {'eth', 'vlan', 'ip', 'ip6', 'tcp', 'udp', 'icmp'}\n"
	"  local wide = {'u8', 'u16', 'u32', 'u64'}\n"
	"  local function act(p, m)\n"
	"    local op, off, v = m % 16, math.floor(m / 16) % 4096 - 8, math.floor(m / 65536)\n"
	"    local header = p[kinds[v % 7 + 1]]\n"
	"    if op < 4 then return p[wide[op + 1]](p, off) end\n"
	"    if op < 8 then p[wide[op - 3]](p, off, v % 256) end\n"
	"    if op == 8 then return p:bytes(off, v) end\n"
	"    if op == 9 then return p:write(off, ('x'):rep(v % 64)) end\n"
	"    if op == 10 then return p:from('10.0.0.0/8') or p:to('2001:db8::/32') end\n"
	"    if op == 11 then old = header or p return old end\n"
	"    if op == 12 and old then return old.src or old.id end\n"
	"    if op == 13 then return p.source, p.destination, p.sport, p.dport, p.proto end\n"
	"    if not header then return end\n"
	"    local list = names[kinds[v % 7 + 1]]\n"
	"    local name = list[off % #list + 1]\n"
	"    if op == 14 then return header[name] end\n"
	"    header[name] = header[name]\n"
	"    if type(header[name]) == 'number' then header[name] = v % 2 else\n"
	"      header[name] = ({[0] = '10.1.2.3', '2001:db8::9', '02:00:00:00:00:07'})[v % 3] end\n"
	"  end\n"
	"  function process(batch)\n"
	"    for _, p in ipairs(batch) do act(p, p.mark) end\n"
	"  end\n";

/* Packets in flight: one at a time. */
static struct rte_mbuf_ext_shared_info shared;

static void nothing(void *memory, void *opaque)
{
	(void)memory, (void)opaque;
}

/* The packet with its bytes at the end of a page, before one that may not be touched. */
static struct rte_mbuf *guarded(struct rte_mbuf *m)
{
	static uint8_t *area;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint16_t length = m->data_len, port = sl_packet(m)->port;
	struct rte_mbuf *copy;
	uint8_t *bytes;

	if (m->nb_segs != 1 || (size_t)length + RTE_PKTMBUF_HEADROOM > page)
		return m;
	if (area == NULL) {
		area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		if (area == MAP_FAILED || mprotect(area + page, page, PROT_NONE) != 0)
			abort();
	}
	bytes = area + page - length;
	memcpy(bytes, rte_pktmbuf_mtod(m, void *), length);
	copy = rte_pktmbuf_alloc(m->pool);
	sl_test_free(m);
	if (copy == NULL)
		abort();
	shared.free_cb = nothing;
	rte_mbuf_ext_refcnt_set(&shared, 1);
	rte_pktmbuf_attach_extbuf(copy, bytes - RTE_PKTMBUF_HEADROOM, RTE_BAD_IOVA,
				  (uint16_t)(length + RTE_PKTMBUF_HEADROOM), &shared);
	copy->data_off = RTE_PKTMBUF_HEADROOM;
	copy->data_len = length;
	copy->pkt_len = length;
	memset(sl_packet(copy), 0, sizeof(struct sl_packet));
	sl_packet(copy)->port = port;
	if (!sl_packet_parse(copy))
		abort(); /* it was parsed before */
	return copy;
}

static const struct sl_node_type *type(void)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/lua.so", RTLD_NOW | RTLD_LOCAL);

		plugin = handle != NULL ? dlsym(handle, "sl_plugin") : NULL;
		if (plugin == NULL)
			abort();
	}
	return &plugin->types[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_test *t; /* one for all inputs: LuaJIT compiles only what runs often */
	struct script s = {data, data + size};
	const struct sl_test_options options = {.any_bytes = true, .fusion = "off"};

	if (t == NULL)
		t = sl_test_new_with(type(), yaml, &options);
	for (int steps = 0; steps < 200 && !script_over(&s); steps++) {
		uint8_t how = script_byte(&s);
		struct rte_mbuf *m = script_packet(&s, how);

		if (m == NULL)
			continue;
		m = guarded(m);
		for (int i = 0; i < 4; i++)
			sl_packet(m)->mark = sl_packet(m)->mark << 8 | script_byte(&s);
		sl_test_push(t, how & 16 ? SL_OUTSIDE : SL_INSIDE, m);
		sl_test_run(t);
		sl_test_clear(t);
	}
	return 0;
}

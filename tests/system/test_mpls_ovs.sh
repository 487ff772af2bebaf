#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# MPLS against Open vSwitch: its userspace datapath pushes, swaps and pops the labels of host B,
# sluice those of host A; ping and iperf3 go through, and tshark reads the stacks between them. The
# same against the kernel's MPLS where it has that.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

OVS=$WORK/ovs
OVS_PIDS=()
ovs_end()
{
	local status=$?
	[ ${#OVS_PIDS[@]} = 0 ] || kill "${OVS_PIDS[@]}" 2>/dev/null
	(exit $status)
	cleanup
}
trap ovs_end EXIT

# B's end of the veth is a port of the switch; B itself is its internal port.
switch()
{
	local ovs=(ip netns exec "$B" env "OVS_RUNDIR=$OVS" "OVS_LOGDIR=$OVS" "OVS_DBDIR=$OVS")
	mkdir "$OVS"
	"${ovs[@]}" ovsdb-tool create "$OVS/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	"${ovs[@]}" ovsdb-server "$OVS/conf.db" --remote="punix:$OVS/db.sock" --no-chdir \
		>"$OVS/db.log" 2>&1 &
	OVS_PIDS+=($!)
	sleep 1
	"${ovs[@]}" ovs-vsctl --db="unix:$OVS/db.sock" --no-wait init
	"${ovs[@]}" ovs-vswitchd "unix:$OVS/db.sock" --no-chdir >"$OVS/vswitchd.log" 2>&1 &
	OVS_PIDS+=($!)
	"${ovs[@]}" ovs-vsctl --db="unix:$OVS/db.sock" -t 20 add-br br0 -- set bridge br0 \
		datapath_type=netdev other-config:hwaddr='"02:00:00:00:0b:02"' \
		protocols=OpenFlow13 fail_mode=secure -- add-port br0 eth0 || return 1
	ip -n "$B" link set br0 mtu 1400 up
	# Userspace: nobody completes the checksums that the kernel left out.
	ip netns exec "$B" ethtool -K br0 tx off gso off tso off >/dev/null 2>&1
	ip -n "$B" address add 10.2.0.2/24 dev br0
	ip -n "$B" -6 address add fd00:2::2/64 dev br0 nodad
	ip -n "$B" route add 10.1.0.0/24 via 10.2.0.1
	ip -n "$B" -6 route add fd00:1::/64 via fd00:2::1
	ip -n "$B" neigh add 10.2.0.1 lladdr 02:00:00:00:0a:01 dev br0
	ip -n "$B" -6 neigh add fd00:2::1 lladdr 02:00:00:00:0a:01 dev br0
	OVS_OFCTL=("${ovs[@]}" ovs-ofctl -O OpenFlow13 --strict)
}

# The flows of the switch: what stands in the file, and nothing else.
flows()
{
	cat >"$OVS/flows"
	"${OVS_OFCTL[@]}" replace-flows "unix:$OVS/br0.mgmt" "$OVS/flows"
}

hosts
address "$A" eth0 10.1.0.2/24 fd00:1::2/64
ip -n "$A" link set eth0 mtu 1400
ip -n "$A" route add default via 10.1.0.1
ip -n "$A" -6 route add default via fd00:1::1
check "Open vSwitch's userspace datapath starts" switch

chain()
{
	cat >"$WORK/in.yaml" <<-END
	sluice: 1
	ports:
	  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.1.0.1/24, "fd00:1::1/64"]}
	  wan: {kind: af-packet, interface: "@WAN@"}
	vnfs:
	  edge: {plugin: mpls, $1}
	paths: {lsp: lan <-> edge <-> wan}
	END
	start "$WORK/in.yaml" "${@:2}"
}

measured()
{
	in_a iperf3 -c "$1" -t 2 -b 40M -J "${@:2}" >"$WORK/iperf.json" || return 1
	python3 - "$WORK/iperf.json" <<-'END'
	import json, sys
	end = json.load(open(sys.argv[1]))["end"]
	total = end.get("sum_received") or end["sum"]
	print(total)
	sys.exit(not (total["bits_per_second"] > 1e6 and total.get("lost_percent", 0) < 50))
	END
}

traffic()
{
	check "$1: ping" in_a ping -c 5 -i 0.2 -W 2 10.2.0.2
	check "$1: ping, IPv6" in_a ping -6 -c 5 -i 0.2 -W 2 fd00:2::2
	check "$1: iperf3 TCP up" measured 10.2.0.2
	check "$1: iperf3 TCP down" measured 10.2.0.2 -R
	check "$1: iperf3 UDP, IPv6" measured fd00:2::2 -u -b 10M -l 1000
}

# With fusion verified, every fused action must have been what the graph did.
agreed()
{
	python3 - "$WORK/stats.json" <<-'END'
	import json, sys
	workers = json.load(open(sys.argv[1]))["fusion"]["workers"]
	print(workers)
	sys.exit(any(w["mismatches"] for w in workers))
	END
}

# tshark's view of the labels of packets that went one way: every one is as given.
labels()
{
	local text=$1 want=$2 filter=$3
	tshark -r "$WORK/wan.pcap" -Y "mpls && $filter" -T fields -e mpls.label -e mpls.exp -e mpls.bottom \
		-e mpls.ttl 2>/dev/null | sort | uniq -c | tee "$WORK/labels"
	[ -s "$WORK/labels" ] || die "$text: no labelled packets"
	[ "$(sed 's/^ *[0-9]* *//' "$WORK/labels" | sort -u)" = "$(printf '%b' "$want")" ] ||
		die "$text: other labels than $want"
	say "ok: $text, says tshark"
}

captured()
{
	ip netns exec "$B" timeout 60 tcpdump -q -U -i eth0 -s 200 -w "$WORK/wan.pcap" >/dev/null 2>&1 &
	sleep 1
}

captured_end()
{
	sleep 1
	kill "$(pgrep -f "tcpdump.*$WORK/wan.pcap" | head -n 1)"
	sleep 1
	tshark -r "$WORK/wan.pcap" -Y 'mpls && _ws.malformed' 2>/dev/null >"$WORK/bad"
	[ -s "$WORK/bad" ] && head "$WORK/bad" && die "malformed packets"
	return 0
}

ip netns exec "$B" iperf3 -s >/dev/null 2>&1 &
MACS='next-hop: "02:00:00:00:0b:02", source-mac: "02:00:00:00:0a:01"'
UNDER='mod_dl_dst:02:00:00:00:0a:01,output:eth0'

for fusion in off verify; do
	say "-- two labels pushed, popped one by one; pipe; fusion $fusion"
	chain "ttl: pipe, pipe-ttl: 77, fecs: [{push: [100, 200], tc: 5, $MACS}],
	    labels: [{label: 300, from: outside, pop: true}]" --fusion $fusion
	flows <<-END
	table=0,in_port=eth0,mpls,mpls_label=100,actions=pop_mpls:0x8847,goto_table:1
	table=1,mpls,mpls_label=200,dl_vlan=0xffff,actions=pop_mpls:0x0800,goto_table:2
	table=2,actions=output:LOCAL
	table=0,in_port=LOCAL,ip,actions=push_mpls:0x8847,set_field:300->mpls_label,set_mpls_ttl(33),$UNDER
	END
	captured
	check "ping" in_a ping -c 5 -i 0.2 -W 2 10.2.0.2
	check "iperf3 TCP up" measured 10.2.0.2
	check "iperf3 TCP down" measured 10.2.0.2 -R
	captured_end
	labels "what sluice pushed" '100,200\t5,5\t0,1\t77,77' 'eth.src == 02:00:00:00:0a:01'
	labels "what Open vSwitch pushed" '300\t0\t1\t33' 'eth.dst == 02:00:00:00:0a:01'
	show vnf edge labels
	stop
	check "fusion $fusion: no action differs from the walk" agreed
done

say "-- swap in the switch, both versions"
chain "fecs: [{match: {family: ipv4}, push: 100, $MACS}, {match: {family: ipv6}, push: 106, $MACS}],
    labels: [{label: 301, pop: true}]"
flows <<END
table=0,in_port=eth0,mpls,mpls_label=100,actions=pop_mpls:0x0800,output:LOCAL
table=0,in_port=eth0,mpls,mpls_label=106,actions=pop_mpls:0x86dd,output:LOCAL
table=0,in_port=LOCAL,ip,actions=push_mpls:0x8847,set_field:300->mpls_label,goto_table:1
table=0,in_port=LOCAL,ipv6,actions=push_mpls:0x8847,set_field:300->mpls_label,goto_table:1
table=1,mpls,mpls_label=300,actions=set_field:301->mpls_label,dec_mpls_ttl,$UNDER
END
captured
traffic "one label"
captured_end
labels "the labels that Open vSwitch swapped" '301\t0\t1\t63' \
	'eth.dst == 02:00:00:00:0a:01 && (ip.src == 10.2.0.2 || ipv6.src == fd00:2::2)'
stop

if modprobe mpls_router 2>/dev/null && modprobe mpls_iptunnel 2>/dev/null; then
	say "-- the kernel's MPLS"
	"${OVS_OFCTL[@]}" del-flows "unix:$OVS/br0.mgmt"
	kill "${OVS_PIDS[@]}"
	OVS_PIDS=()
	sleep 1
	ip -n "$B" link set eth0 address 02:00:00:00:0b:02 mtu 1400
	ip -n "$B" address flush dev br0 2>/dev/null
	address "$B" eth0 10.2.0.2/24 fd00:2::2/64
	ip netns exec "$B" sysctl -qw net.mpls.platform_labels=1000 net.mpls.conf.eth0.input=1
	ip -n "$B" neigh replace 10.2.0.1 lladdr 02:00:00:00:0a:01 dev eth0
	ip -n "$B" route add 10.1.0.0/24 encap mpls 300 via inet 10.2.0.1 dev eth0
	ip -n "$B" -f mpls route add 100 dev lo
	chain "fecs: [{match: {family: ipv4}, push: 100, $MACS}], labels: [{label: 300, pop: true}]"
	check "kernel: ping" in_a ping -c 5 -i 0.2 -W 2 10.2.0.2
	check "kernel: iperf3" measured 10.2.0.2
	stop
else
	say "not tried: this kernel has no mpls_router and mpls_iptunnel"
fi

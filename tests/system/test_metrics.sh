#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What is measured, with real traffic: /metrics over the control socket and over TCP says what
# `sluice show` says, in the format that Prometheus reads; latency is measured with fusion and
# without; DPDK's own telemetry client finds the engine; nothing listens unless it was asked for.
# shellcheck source=tests/system/netns.sh
. "$(dirname "$0")/netns.sh"

hosts
ip netns exec "$M" sysctl -qw net.ipv6.conf.lo.disable_ipv6=0
address "$A" eth0 10.77.0.2/24 fd00:77::2/64
address "$B" eth0 198.51.100.2/24 2001:db8:100::2/64
ip -n "$A" route add default via 10.77.0.1
ip -n "$A" -6 route add default via fd00:77::1
ip -n "$B" -6 route add default via 2001:db8:100::1
cat >"$WORK/in.yaml" <<'END'
sluice: 1
ports:
  lan: {kind: af-packet, interface: "@LAN@", addresses: [10.77.0.1/24, "fd00:77::1/64"]}
  wan: {kind: af-packet, interface: "@WAN@", addresses: [198.51.100.1/24, "2001:db8:100::1/64"]}
vnfs:
  fw: {plugin: firewall, default: deny, rules: [{allow: icmp}, {allow: icmpv6}]}
  nat: {plugin: nat, inside: 10.77.0.0/24, pool: 198.51.100.16}
paths:
  web: lan <-> fw <-> nat <-> wan
END

# host FILE-PART: both cores work, so that packets are handed over, too.
host()
{
	cat >"$WORK/sluice.conf" <<-END
	cores = { main = 0; workers = "0-1"; };
	control = { socket = "$WORK/sluice.sock"; };
	plugins = [ "$BUILD/plugins" ];
	$1
	END
}

traffic()
{
	# First the neighbours must be found.
	in_a ping -q -c 1 -w 10 198.51.100.2 >/dev/null &&
		in_a ping -q -c 1 -w 10 2001:db8:100::2 >/dev/null &&
		in_a ping -q -i 0.002 -c 200 -W 5 198.51.100.2 >/dev/null &&
		in_a ping -q -i 0.002 -c 100 -W 5 2001:db8:100::2 >/dev/null &&
		in_a python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(10):
    s.sendto(b"no", ("198.51.100.2", 7))'
}

cat >"$WORK/compare.py" <<'END'
"""Parse what was scraped, hold it to the rules, and compare it with what `sluice show` says."""
import json
import subprocess
import sys
import time
from prometheus_client.parser import text_string_to_metric_families

build, socket, *scrape = sys.argv[1:]


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def stats():
    return json.loads(run(f"{build}/sluice", "show", "stats", "--json", "--socket", socket))


def rules(text):
    """What the parser lets pass: order, duplicates, histograms that do not add up."""
    families, series, kind, helped = set(), set(), None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ")[2]
            assert helped not in families, line
            families.add(helped)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == helped, line
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            key = line.rsplit(" ", 1)[0]
            name = key.split("{")[0]
            ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert name in {helped + end for end in ends}, line
            assert key not in series, f"twice: {line}"
            series.add(key)
    assert text.endswith("\n")
    buckets = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            if family.type == "histogram":
                bound = labels.pop("le", None)
                key = (family.name, tuple(sorted(labels.items())))
                one = buckets.setdefault(key, {"le": []})
                if sample.name.endswith("_bucket"):
                    one["le"].append((float(bound), sample.value))
                else:
                    one[sample.name.rsplit("_", 1)[1]] = sample.value
    assert buckets
    for key, one in buckets.items():
        assert one["le"] == sorted(one["le"]), key
        assert [v for _, v in one["le"]] == sorted(v for _, v in one["le"]), key
        assert one["le"][-1] == (float("inf"), one["count"]), key
        assert (one["sum"] > 0) == (one["count"] > 0), (key, one)


def samples(text):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value
            for f in text_string_to_metric_families(text) for s in f.samples}


def differences(have, s):
    def expect(name, value, **labels):
        key = (name, tuple(sorted(labels.items())))
        if have.get(key) != value:
            yield f"{key}: {have.get(key)} instead of {value}"

    for name, key in (("received", "rx"), ("made", "made"), ("transmitted", "tx"),
                      ("dropped", "drops"), ("joined", "joined")):
        yield from expect(f"sluice_{name}_packets_total", s["totals"][key])
    yield from expect("sluice_generation", s["generation"])
    for reason, count in s["drops"].items():
        yield from expect("sluice_drops_total", count, reason=reason)
    for port in s["ports"]:
        for way, of in (("receive", "rx"), ("transmit", "tx")):
            for unit, key in (("packets", "packets"), ("bytes", "bytes"), ("drops", "dropped")):
                yield from expect(f"sluice_port_{way}_{unit}_total", port[of][key],
                                  port=port["name"])
    for hop in s["hops"]:
        labels = {"hop": hop["name"], "path": hop.get("path", ""), "vnf": hop.get("vnf", "")}
        for name, key in (("packets", "packets"), ("fused_packets", "fused"), ("bytes", "bytes"),
                          ("dropped_packets", "dropped"), ("made_packets", "made")):
            yield from expect(f"sluice_hop_{name}_total", hop[key], type=hop["type"], **labels)
        for reason, count in hop["drops"].items():
            yield from expect("sluice_hop_drops_total", count, reason=reason, **labels)
    for vnf in s["vnfs"]:
        for counter, count in vnf["counters"].items():
            yield from expect("sluice_vnf_statistic_total", count, vnf=vnf["name"],
                              type=vnf["type"], counter=counter)
        yield from expect("sluice_vnf_memory_bytes", vnf["memory"], vnf=vnf["name"])
    for worker in s["workers"]:
        one = str(worker["worker"])
        yield from expect("sluice_worker_received_packets_total", worker["rx"], worker=one)
        yield from expect("sluice_worker_inbox_received_packets_total", worker["inbox_in"],
                          worker=one)
        yield from expect("sluice_worker_inbox_capacity_packets", worker["inbox_capacity"],
                          worker=one)
    for worker in s["fusion"]["workers"]:
        one = str(worker["worker"])
        yield from expect("sluice_fusion_flows", worker["flows"], worker=one)
        for key in ("hits", "misses", "verified", "mismatches"):
            yield from expect(f"sluice_fusion_{key}_total", worker[key], worker=one)


# The kernels speak now and then; scrape between two answers that say the same.
for _ in range(40):
    before, text = stats(), run(*scrape)
    wrong = list(differences(samples(text), before))
    if not wrong:
        break
    time.sleep(0.2)
rules(text)
assert not wrong, "\n".join(wrong)
assert sum(p["rx"]["packets"] for p in before["ports"]) > 500, before["totals"]
assert before["drops"], "the denied datagrams were dropped"
assert not sum(w["mismatches"] for w in before["fusion"]["workers"])
latency = json.loads(run(f"{build}/sluice", "show", "latency", "--json", "--socket", socket))
pairs = {(p["in"], p["out"]): p for p in latency["ports"]}
print(pairs)
for pair in ("lan", "wan"), ("wan", "lan"):
    p = pairs[pair]
    assert p["samples"] >= 1 and 0 < p["p50"] <= p["p90"] <= p["p99"] <= p["max"] < 10e9, p
hops = {h["name"]: h for h in latency["hops"]}
assert {"lan:rx", "wan:tx"} <= set(hops), hops
for hop in hops.values():
    assert 0 < hop["p50"] <= hop["p90"] <= hop["p99"] <= hop["max"], hop
END

scrape()
{
	check "$1" python3 "$WORK/compare.py" "$BUILD" "$WORK/sluice.sock" "${@:2}"
}

# Listening TCP sockets where sluice runs.
listening()
{
	ip netns exec "$M" ss -Hltn
}

telemetry()
{
	printf '%s\n' "$1" | timeout 10 dpdk-telemetry.py -f "sluice-$SLUICE_PID" | tail -n 1
}

ask_telemetry()
{
	telemetry / | grep -q /sluice/ports &&
		telemetry /sluice/ports | grep -qF '["lan", "wan"]' &&
		telemetry /sluice/workers | grep -qF '["0", "1"]' &&
		telemetry /sluice/hops | grep -qF '"web/fw>"' &&
		telemetry /sluice/drops | grep -q '[1-9]' &&
		telemetry /sluice/fusion,1 | grep -q '"hits"' &&
		telemetry /sluice/port,none | grep -q null &&
		python3 - "$(telemetry /sluice/status)" "$(telemetry "/sluice/hop,web/fw>")" \
			"$(telemetry /sluice/vnf,nat)" "$(telemetry /sluice/port,lan)" \
			"$(show stats --json)" <<-'END'
	import json, sys
	status, hop, vnf, port, show = map(json.loads, sys.argv[1:])
	assert status["/sluice/status"]["generation"] == show["generation"]
	fw = next(h for h in show["hops"] if h["name"] == "web/fw>")
	assert 300 <= hop["/sluice/hop"]["packets"] <= fw["packets"], (hop, fw)
	nat = next(v for v in show["vnfs"] if v["name"] == "nat")
	made = nat["counters"]["sessions-made"]
	assert vnf["/sluice/vnf"]["counters_sessions_made"] == made, (vnf, nat)
	assert port["/sluice/port"]["rx_packets"] >= 300, port
	END
}

host ""
start "$WORK/in.yaml" --fusion on
check "traffic passes" traffic
check "nothing listens at TCP" [ -z "$(listening)" ]
scrape "the control socket's /metrics agree with show" \
	curl -sSf --unix-socket "$WORK/sluice.sock" http://sluice/metrics
if command -v promtool >/dev/null; then
	curl -sSf --unix-socket "$WORK/sluice.sock" http://sluice/metrics >"$WORK/metrics"
	check "promtool has nothing to say" promtool check metrics <"$WORK/metrics"
fi
check "DPDK's telemetry client sees the engine" ask_telemetry
folder=/var/run/dpdk/sluice-$SLUICE_PID
check "telemetry is private" [ "$(stat -c %a "$folder")" = 700 ]

# What was counted goes on after a change.
count()
{
	show latency --json | python3 -c '
import json, sys
print(sum(p["samples"] for p in json.load(sys.stdin)["ports"]))'
}
before=$(count)
sed 's/{allow: icmpv6}/{allow: icmpv6}, {allow: tcp}/' "$WORK/chain.yaml" >"$WORK/next.yaml"
check "a changed chain is applied" \
	"$BUILD/sluice" apply --socket "$WORK/sluice.sock" "$WORK/next.yaml"
check "traffic passes" traffic
check "no sample was forgotten" [ "$(count)" -ge "$before" ]
scrape "after a change, /metrics agree with show" \
	curl -sSf --unix-socket "$WORK/sluice.sock" http://sluice/metrics
stop
check "telemetry leaves nothing behind" [ ! -e "$folder" ]

address_of()
{
	sed -n 's|.*metrics at \(http://.*\)/metrics$|\1|p' "$WORK/sluice.log"
}

host 'metrics = { listen = "127.0.0.1:0"; }; telemetry = false;'
start "$WORK/in.yaml" --fusion verify
url=$(address_of)
check "traffic passes, verified" traffic
check "it listens where the host file says, and nowhere else" \
	[ "$(listening | awk '{print $4}')" = "${url#http://}" ]
check "telemetry can be turned off" [ ! -e /var/run/dpdk/sluice-"$SLUICE_PID"/dpdk_telemetry.v2 ]
scrape "/metrics over TCP agree with show" ip netns exec "$M" curl -sSf "$url/metrics"
status()
{
	[ "$(ip netns exec "$M" curl -s -o /dev/null -w '%{http_code}' "${@:2}")" = "$1" ]
}
check "there is nothing else" status 404 "$url/v1/status"
check "nothing can be sent" status 405 -d '{}' "$url/metrics"
check "nothing can be changed" status 405 -d '{}' "$url/v1/rollback"
# Idle connections are let go, so that they keep nobody out for long.
check "silent connections end" ip netns exec "$M" python3 - "${url#http://}" <<-'END'
	import socket, sys, time
	host, port = sys.argv[1].rsplit(":", 1)
	idle = [socket.create_connection((host, int(port))) for _ in range(12)]
	began = time.monotonic()
	for s in idle:
	    s.settimeout(15)
	    try:
	        assert s.recv(1) == b""
	    except ConnectionResetError:
	        pass
	def let_in():
	    s = socket.create_connection((host, int(port)))
	    s.settimeout(10)
	    try:
	        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
	        return s.recv(12).endswith(b" 200")
	    except OSError:
	        return False
	while not let_in():
	    assert time.monotonic() - began < 30, "not let in again"
	    time.sleep(0.1)
END
stop

start "$WORK/in.yaml" --fusion off --metrics '[::1]:0'
url=$(address_of)
check "traffic passes, not fused" traffic
check "it listens where the command line says" \
	[ "$(listening | awk '{print $4}')" = "${url#http://}" ]
scrape "/metrics over IPv6 agree with show" ip netns exec "$M" curl -gsSf "$url/metrics"
stop

refuse "a name is no address" "$BUILD/sluice" run "$WORK/in.yaml" --metrics localhost:9469

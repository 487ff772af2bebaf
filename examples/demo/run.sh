#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Real traffic between two kernel hosts through classifier, firewall and NAT; without root, a
# capture through the same chain.
#   examples/demo/run.sh [BUILD]
here=$(cd "$(dirname "$0")" && pwd)
SLUICE_BUILD=$(realpath "${1:-$here/../../build}")
export SLUICE_BUILD

if [ "$(id -u)" != 0 ]; then
	exec "$here/offline.sh" "$SLUICE_BUILD"
fi
# shellcheck source=tests/system/netns.sh
. "$here/../../tests/system/netns.sh"

hosts
address "$A" eth0 10.77.0.2/24
address "$B" eth0 198.51.100.2/24
ip -n "$A" route add default via 10.77.0.1
say "host 10.77.0.2 -- lan [classifier, firewall, NAT] wan -- host 198.51.100.2"
start "$here/demo.yaml"

mkdir "$WORK/www"
head -c 50000000 /dev/urandom >"$WORK/www/file"
(cd "$WORK/www" && exec ip netns exec "$B" python3 -m http.server 80 >"$WORK/http.log" 2>&1) &
ip netns exec "$B" iperf3 -s >/dev/null 2>&1 &
for _ in $(seq 50); do
	in_a curl -sf -o /dev/null --max-time 1 http://198.51.100.2/ && break
	sleep 0.1
done

say "" "== ping"
in_a ping -c 3 -i 0.2 198.51.100.2 || die "ping"
say "" "== curl, 50 MB"
in_a curl -sS -o "$WORK/file" -w '%{size_download} bytes, %{speed_download} bytes/s\n' \
	http://198.51.100.2/file || die "curl"
cmp "$WORK/file" "$WORK/www/file" || die "the file arrived damaged"
say "the file is intact; the server saw: $(grep -o '^[0-9.]*' "$WORK/http.log" | sort -u)"
say "" "== iperf3, up and down"
in_a iperf3 -c 198.51.100.2 -t 3 -f m | tail -n 4 || die "iperf3"
in_a iperf3 -c 198.51.100.2 -t 3 -f m -R | tail -n 4 || die "iperf3 -R"
say "" "== what the firewall must refuse"
refuse "telnet out is rejected" in_a curl -sS --max-time 2 telnet://198.51.100.2:23
refuse "port 8080 out is dropped" in_a curl -sS --max-time 2 http://198.51.100.2:8080/
refuse "nobody comes in from outside" in_b ping -c 2 -W 1 198.51.100.16
say "" "== the chain"
show paths
say ""
show vnf nat sessions | head -n 12
say ""
stop
say "demo: done"

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Two kernel hosts in namespaces with sluice between them, for system tests and the demo.
# Source it; it ends the test as skipped when it is not run as root, and takes down everything it
# made on exit, however the script ends.
#
#   hosts                 namespaces $A (lan side) and $B (wan side), each with one veth; the other
#                         ends are $LAN and $WAN in the namespace $M where sluice runs
#   address NS DEV ADDR…  give addresses
#   start CHAIN [ARG…]    run sluice in $M, wait until it forwards
#   stop                  end it, check that it exits 0 and that its ledger balances
#   in_a CMD…, in_b CMD…  run on a host
#   check TEXT CMD…       a named step of the test; the first that fails ends it

set -u
BUILD=${SLUICE_BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/sluice.XXXXXX")
TAG=sl$$
A=$TAG-a B=$TAG-b M=$TAG-m
LAN=$TAG.l WAN=$TAG.w
SLUICE_PID=

if [ "$(id -u)" != 0 ]; then
	echo "skipped: network namespaces need root"
	exit 77
fi

cleanup()
{
	local status=$?
	trap - EXIT
	# The shell would report each of the processes that end here.
	exec 3>&2 2>/dev/null
	if [ -n "$SLUICE_PID" ]; then
		kill -TERM "$SLUICE_PID" 2>/dev/null
		sleep 0.3
		kill -KILL "$SLUICE_PID" 2>/dev/null
	fi
	for ns in "$A" "$B" "$M"; do
		if [ -e "/run/netns/$ns" ]; then
			ip netns pids "$ns" | xargs -r kill -KILL 2>/dev/null
			ip netns del "$ns"
		fi
	done
	if [ $status != 0 ] && [ -f "$WORK/sluice.log" ]; then
		echo "--- sluice said:"
		tail -n 40 "$WORK/sluice.log"
	fi
	rm -rf "$WORK"
	exit $status
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

say()
{
	printf '%s\n' "$*"
}

die()
{
	say "FAILED: $*"
	exit 1
}

hosts()
{
	local ns
	for ns in "$A" "$B" "$M"; do
		ip netns add "$ns" || die "no namespaces"
	done
	ip -n "$M" link add "$LAN" type veth peer name eth0 netns "$A"
	ip -n "$M" link add "$WAN" type veth peer name eth0 netns "$B"
	for ns in "$A" "$B"; do
		# The kernel leaves checksums and segmentation to the device, and a veth does neither.
		ip netns exec "$ns" ethtool -K eth0 tx off rx off gro off gso off tso off >/dev/null 2>&1
		ip -n "$ns" link set lo up
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.eth0.accept_dad=0
		ip -n "$ns" link set eth0 up
	done
	# sluice speaks on its end; the kernel there must not.
	ip netns exec "$M" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n "$M" link set lo up
	ip netns exec "$M" ethtool -K "$LAN" tx off rx off gro off gso off tso off >/dev/null 2>&1
	ip netns exec "$M" ethtool -K "$WAN" tx off rx off gro off gso off tso off >/dev/null 2>&1
	ip -n "$M" link set "$LAN" up
	ip -n "$M" link set "$WAN" up
}

address()
{
	local ns=$1 dev=$2 each
	shift 2
	for each in "$@"; do
		case $each in
		*:*) ip -n "$ns" address add "$each" dev "$dev" nodad ;;
		*) ip -n "$ns" address add "$each" dev "$dev" ;;
		esac
	done
}

in_a()
{
	ip netns exec "$A" "$@"
}

in_b()
{
	ip netns exec "$B" "$@"
}

# Host file for tests: one worker on the second core, main on the first; override with CONFIG.
host_file()
{
	cat >"$WORK/sluice.conf" <<-END
	cores = { main = 0; workers = "1"; };
	control = { socket = "$WORK/sluice.sock"; };
	plugins = [ "$BUILD/plugins" ];
	END
}

start()
{
	local chain=$1 i
	shift
	[ -f "$WORK/sluice.conf" ] || host_file
	# Names of devices differ from run to run.
	sed -e "s/@LAN@/$LAN/g" -e "s/@WAN@/$WAN/g" -e "s|@WORK@|$WORK|g" -e "s|@BUILD@|$BUILD|g" \
		"$chain" >"$WORK/chain.yaml"
	ip netns exec "$M" "$BUILD/sluice" run "$WORK/chain.yaml" --config "$WORK/sluice.conf" \
		--stats "$WORK/stats.json" "$@" >"$WORK/sluice.log" 2>&1 &
	SLUICE_PID=$!
	for ((i = 0; i < 150; i++)); do
		[ -S "$WORK/sluice.sock" ] && "$BUILD/sluice" show status --socket "$WORK/sluice.sock" \
			>/dev/null 2>&1 && return 0
		kill -0 "$SLUICE_PID" 2>/dev/null || break
		sleep 0.1
	done
	die "sluice did not start"
}

show()
{
	"$BUILD/sluice" show "$@" --socket "$WORK/sluice.sock"
}

stop()
{
	local status
	kill -TERM "$SLUICE_PID"
	wait "$SLUICE_PID"
	status=$?
	SLUICE_PID=
	[ $status = 0 ] || die "sluice ended with $status"
	python3 - "$WORK/stats.json" <<-'END' || die "the ledger does not balance"
	import json, sys
	t = json.load(open(sys.argv[1]))["totals"]
	left, right = t["rx"] + t["made"], t["tx"] + t["drops"] + t["joined"] + t["held"]
	print(f"rx {t['rx']} + made {t['made']} = tx {t['tx']} + drops {t['drops']} + "
	      f"joined {t['joined']} + held {t['held']}")
	sys.exit(left != right)
	END
}

check()
{
	local text=$1
	shift
	if "$@" >"$WORK/step.log" 2>&1; then
		say "ok: $text"
	else
		cat "$WORK/step.log"
		die "$text"
	fi
}

# The same, for what must not work.
refuse()
{
	local text=$1
	shift
	if "$@" >"$WORK/step.log" 2>&1; then
		cat "$WORK/step.log"
		die "$text: it went through"
	else
		say "ok: $text"
	fi
}

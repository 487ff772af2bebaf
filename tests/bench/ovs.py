# SPDX-License-Identifier: BSD-3-Clause
"""What Open vSwitch's userspace datapath costs on one core, in TSC cycles a packet, between a
capture that is read in a loop and a null device: itself, and the rules for each case."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from chains import TUNNEL
from peers import PORTS, CpuTime


class OpenVSwitch:
    """A private Open vSwitch with its own database and sockets, and a network namespace where its
    bridges' interfaces are; gone when closed."""

    def __init__(self, pcap, tunnel=False, main=0, worker=1, memory_mb=1024):
        """With a tunnel port 2 is one of VXLAN, by a second bridge that has the null device."""
        self.folder = tempfile.mkdtemp(prefix="sluice-ovs-")
        self.env = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_DBDIR": self.folder,
                    "OVS_LOGDIR": self.folder}
        self.db = f"unix:{self.folder}/db.sock"
        self.processes = []
        switchd = shutil.which("ovs-vswitchd")
        dpdk = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
        if os.path.exists(dpdk):
            switchd = dpdk
        if not switchd:
            raise FileNotFoundError("ovs-vswitchd")
        self._run("ovsdb-tool", "create", f"{self.folder}/conf.db",
                  "/usr/share/openvswitch/vswitch.ovsschema")
        try:
            self._start("ovsdb-server", f"{self.folder}/conf.db", f"--remote=p{self.db}",
                        f"--unixctl={self.folder}/db.ctl")
            self.vsctl("--no-wait", "init")
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                       f"other_config:dpdk-socket-mem={memory_mb}",
                       'other_config:dpdk-extra="--in-memory --no-pci"',
                       f"other_config:dpdk-lcore-mask={1 << main:#x}",
                       f"other_config:pmd-cpu-mask={1 << worker:#x}")
            self._start("unshare", "--net", switchd, self.db, f"--unixctl={self.folder}/ovs.ctl",
                        f"--log-file={self.folder}/ovs.log")
            self._add_ports(pcap, tunnel)
        except BaseException:
            self.close()
            raise

    def _add_ports(self, pcap, tunnel):
        for bridge in ("br0", "br1") if tunnel else ("br0",):
            self.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
        for number, (name, devargs) in enumerate(zip(("in", "out"), PORTS), 1):
            bridge = "br1" if tunnel and name == "out" else "br0"
            self.vsctl("add-port", bridge, name, "--", "set", "Interface", name, "type=dpdk",
                       f"options:dpdk-devargs={devargs.format(pcap=pcap)}",
                       f"ofport_request={number}")
        if not tunnel:
            return
        self.vsctl("add-port", "br0", "vx", "--", "set", "Interface", "vx", "type=vxlan",
                   f"options:remote_ip={TUNNEL['peer']}", "options:key=100", "ofport_request=2")
        inside = ["nsenter", "--target", str(self.processes[-1].pid), "--net", "ip"]
        self._run(*inside, "addr", "add", f"{TUNNEL['local']}/24", "dev", "br1")
        self._run(*inside, "link", "set", "br1", "up")
        for _ in range(50):
            if "172.16.0.0/24" in self.appctl("ovs/route/show"):
                break
            time.sleep(0.1)
        self.appctl("tnl/arp/set", "br1", TUNNEL["peer"], TUNNEL["mac"])

    def _run(self, *words):
        return subprocess.run(words, env=self.env, check=True, capture_output=True, text=True,
                              timeout=60).stdout

    def _start(self, *words):
        self.processes.append(subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL))
        for _ in range(100):
            if subprocess.run(["ovs-vsctl", f"--db={self.db}", "--no-wait", "--timeout=1", "show"],
                              env=self.env, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)

    def vsctl(self, *words):
        return self._run("ovs-vsctl", f"--db={self.db}", "--timeout=40", *words)

    def appctl(self, *words):
        return self._run("ovs-appctl", "-t", f"{self.folder}/ovs.ctl", *words)

    def flows(self, flows, groups=(), settle=2.0):
        """These OpenFlow rules and groups, lists of lines; then let it learn the traffic."""
        path = f"{self.folder}/flows"
        for group in groups:
            self._run("ovs-ofctl", "-O", "OpenFlow15", "add-group",
                      f"{self.folder}/br0.mgmt", group)
        with open(path, "w") as f:
            f.write("\n".join(flows) + "\n")
        self._run("ovs-ofctl", "-O", "OpenFlow15", "--bundle", "replace-flows",
                  f"{self.folder}/br0.mgmt", path)
        time.sleep(settle)

    def measure(self, seconds):
        """Cycles a packet."""
        self.appctl("dpif-netdev/pmd-stats-clear")
        cpu = CpuTime(self.processes[-1].pid)
        time.sleep(seconds)
        found = re.search(r"packets received: (\d+)", self.appctl("dpif-netdev/pmd-stats-show"))
        return cpu.cycles() / int(found[1]) if found and int(found[1]) > 0 else None

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# A connection that was let through is told by its mark: a UDP connection of which one direction is
# seen is never `est`.
KNOWN = "ct_mark=1"
LEARN = "exec(load:1->NXM_NX_CT_MARK[])"


def forward_flows():
    return ["in_port=1,actions=output:2"]


def stateful_rules(rules, then):
    """In table 1 and zone 1: known connections pass, new ones by rules."""
    flows = [f"table=1,priority=300,{KNOWN},udp,actions={then}"]
    for i, rule in enumerate(rules):
        flows.append(f"table=1,priority={200 - i},ct_state=+trk+new,udp,nw_src={rule['from']},"
                     f"nw_dst={rule['to']},tp_dst={rule['dport']},"
                     f"actions=ct(commit,zone=1,{LEARN}),{then}")
    return [*flows, "table=1,priority=0,actions=drop"]


def filter_flows(rules):
    return ["table=0,priority=10,in_port=1,ip,actions=ct(table=1,zone=1)",
            *stateful_rules(rules, "output:2")]


def translation(table, zone, pool, then):
    return [f"table={table},priority=2,{KNOWN},ip,actions={then}",
            f"table={table},priority=1,ct_state=+trk+new,ip,"
            f"actions=ct(commit,zone={zone},nat(src={pool}),{LEARN}),{then}"]


def nat_flows(pool):
    return ["table=0,in_port=1,ip,actions=ct(table=1,zone=1,nat)",
            *translation(1, 1, pool, "output:2")]


def chain_flows(rules, pool, then="output:2"):
    """Classifier, stateful filter and NAT: one zone each, as in sluice's chain. The class is in a
    register, as a packet's mark would choose a tunnel's route."""
    return ["table=0,priority=10,in_port=1,udp,actions=load:1->NXM_NX_REG0[],ct(table=1,zone=1)",
            *stateful_rules(rules, "ct(table=2,zone=2,nat)"),
            *translation(2, 2, pool, then)]


def chain_5_flows(rules, pool):
    """The chain of three, then a load balancer in a zone of its own; output goes to a tunnel."""
    return [*chain_flows(rules, pool, "ct(table=3,zone=3,nat)"),
            f"table=3,priority=2,{KNOWN},ip,actions=output:2",
            "table=3,priority=1,ct_state=+trk+new,ip,actions=group:1",
            "table=4,actions=output:2"]


def balance_group(backends):
    """The load balancer's choice, by a hash of the source; the connection keeps it."""
    buckets = [f"bucket=actions=ct(commit,table=4,zone=3,nat(dst={address}),{LEARN})"
               for address in backends]
    return ["group_id=1,type=select,selection_method=hash,fields(ip_src,udp_src)," +
            ",".join(buckets)]


def rules_of(case, chains):
    """Rules and groups of a case, for OpenVSwitch.flows()."""
    if case == "forward":
        return forward_flows(), ()
    if case == "filter":
        return filter_flows(chains.rules()), ()
    if case == "nat":
        return nat_flows(chains.POOL), ()
    if case == "chain-3":
        return chain_flows(chains.rules(), chains.POOL), ()
    return chain_5_flows(chains.rules(), chains.POOL), balance_group(chains.BACKENDS)

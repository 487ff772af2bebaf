# SPDX-License-Identifier: BSD-3-Clause
"""What DPDK's testpmd and Open vSwitch's userspace datapath cost on one core, in TSC cycles a
packet, between a capture that is read in a loop and a null device. None when they cannot run."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

PORTS = ("net_pcap0,rx_pcap={pcap},infinite_rx=1", "net_null0,no-rx=1")


def tsc_mhz():
    """Of the time stamp counter, as near as the kernel tells an ordinary user."""
    with open("/proc/cpuinfo") as f:
        bogomips = re.search(r"bogomips\s*: ([\d.]+)", f.read())
    return float(bogomips[1]) / 2 if bogomips else 1000.0


class CpuTime:
    """Time that the busiest thread of a process had a core. All these systems poll: it is in the
    packets, whatever else ran on the core in between."""

    def __init__(self, pid):
        self.pid, self.before = pid, self._look(pid)

    def _look(self, pid):
        times = {}
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    times[task] = int(f.read().split()[0])
            except OSError:
                pass
        return times

    def cycles(self):
        """Of the time stamp counter, since this object was made."""
        after = self._look(self.pid)
        return max(after[t] - self.before.get(t, 0) for t in after) * tsc_mhz() / 1000


def testpmd(pcap, seconds, mode="io", main=0, worker=1):
    """Forwarding mode io, mac, macswap, 5tswap, csum, ..."""
    program = shutil.which("dpdk-testpmd")
    if not program:
        return None
    words = [program, "-l", f"{main},{worker}", "--in-memory", "--no-pci"]
    for port in PORTS:
        words += ["--vdev", port.format(pcap=pcap)]
    words += ["--", "-i", "--auto-start", f"--forward-mode={mode}", "--no-lsc-interrupt"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        cpu = CpuTime(process.pid)
        time.sleep(2.5 + seconds)
        cycles = cpu.cycles()
        out = process.communicate("stop\nquit\n", timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    found = re.findall(r"RX-total: (\d+)", out)  # the last: of all ports
    return cycles / int(found[-1]) if found and int(found[-1]) > 0 else None


class OpenVSwitch:
    """A private Open vSwitch with its own database and sockets, gone when closed."""

    def __init__(self, pcap, main=0, worker=1, memory_mb=1024):
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
        self._start("ovsdb-server", f"{self.folder}/conf.db", f"--remote=p{self.db}",
                    f"--unixctl={self.folder}/db.ctl")
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:dpdk-socket-mem={memory_mb}",
                   'other_config:dpdk-extra="--in-memory --no-pci"',
                   f"other_config:dpdk-lcore-mask={1 << main:#x}",
                   f"other_config:pmd-cpu-mask={1 << worker:#x}")
        self._start(switchd, self.db, f"--unixctl={self.folder}/ovs.ctl",
                    f"--log-file={self.folder}/ovs.log")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for name, devargs in zip(("in", "out"), PORTS):
            self.vsctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdk",
                       f"options:dpdk-devargs={devargs.format(pcap=pcap)}",
                       f"ofport_request={1 if name == 'in' else 2}")

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

    def flows(self, flows, settle=4.0):
        """These OpenFlow rules, a list of lines; then let it learn the traffic."""
        path = f"{self.folder}/flows"
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


def forward_flows():
    return ["in_port=1,actions=output:2"]


def filter_flows(rules):
    """Stateful: known connections pass, new ones by rules; rules are (prefix, first port)."""
    flows = ["table=0,priority=10,in_port=1,ip,actions=ct(table=1)",
             "table=1,priority=300,ct_state=+trk+est,actions=output:2"]
    for i, rule in enumerate(rules):
        flows.append(f"table=1,priority={200 - i},ct_state=+trk+new,udp,nw_src={rule['from']},"
                     f"nw_dst={rule['to']},tp_dst={rule['dport']},actions=ct(commit),output:2")
    return flows + ["table=1,priority=0,actions=drop"]


def nat_flows(pool):
    return ["table=0,in_port=1,ip,actions=ct(table=1,nat)",
            f"table=1,ct_state=+trk+new,ip,actions=ct(commit,nat(src={pool})),output:2",
            "table=1,ct_state=+trk+est,actions=output:2"]


def chain_flows(rules, pool):
    """Classifier, stateful filter and NAT: one zone each, as in sluice's chain."""
    flows = ["table=0,priority=10,in_port=1,udp,actions=load:1->NXM_NX_PKT_MARK[],"
             "ct(table=1,zone=1)",
             "table=1,priority=300,ct_state=+trk+est,udp,actions=ct(table=2,zone=2,nat)"]
    for i, rule in enumerate(rules):
        flows.append(f"table=1,priority={200 - i},ct_state=+trk+new,udp,nw_src={rule['from']},"
                     f"nw_dst={rule['to']},tp_dst={rule['dport']},"
                     "actions=ct(commit,zone=1),ct(table=2,zone=2,nat)")
    return flows + ["table=1,priority=0,actions=drop",
                    "table=2,priority=2,ct_state=+trk+est,actions=output:2",
                    f"table=2,priority=1,ct_state=+trk+new,ip,"
                    f"actions=ct(commit,zone=2,nat(src={pool})),output:2"]

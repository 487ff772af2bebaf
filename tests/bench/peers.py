# SPDX-License-Identifier: BSD-3-Clause
"""What DPDK's testpmd and its graph with its own nodes cost on one core, in TSC cycles a packet,
between a capture that is read in a loop and a null device; and how processor time is told, of all
systems alike."""
import os
import re
import shutil
import subprocess
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


def rte_graph(build, pcap, seconds, runs):
    """IPv4 forwarding as DPDK's example l3fwd-graph does it: cycles of each run."""
    words = [f"{build}/tests/bench/bench-forward", *(port.format(pcap=pcap) for port in PORTS),
             str(round(seconds * 1000)), str(runs)]
    out = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
    return [float(line) for line in out.split()]

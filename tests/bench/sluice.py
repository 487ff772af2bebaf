# SPDX-License-Identifier: BSD-3-Clause
"""A running sluice: started with a chain, looked at, measured, ended."""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import peers


VNFS = pathlib.Path(__file__).resolve().parent.parent.parent / "vnfs"


def have_hugepages(megabytes):
    """Ask the kernel for 2 MB pages; without them everything runs, a little slower."""
    path = pathlib.Path("/proc/sys/vm/nr_hugepages")
    try:
        if int(path.read_text()) * 2 < megabytes:
            path.write_text(str(megabytes // 2))
        return int(path.read_text()) * 2 >= megabytes
    except OSError:
        return False


class Sluice:
    """One run of a chain; measures between two looks at the worker's counters."""

    def __init__(self, build, chain, huge, main=0, worker=1, megabytes=1024, within=()):
        """within: words before the program, as `ip netns exec NAME`."""
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-bench-")
        f = self.folder.name
        self.build, self.socket = build, f"{f}/sock"
        with open(f"{f}/chain.yaml", "w") as out:
            json.dump(chain, out)
        with open(f"{f}/host.conf", "w") as out:
            out.write(f'cores = {{ main = {main}; workers = "{worker}"; }};\n'
                      f'control = {{ socket = "{self.socket}"; }};\n'
                      f'plugins = [ "{build}/plugins" ];\nvnfs = [ "{VNFS}" ];\n'
                      f'memory = {{ mode = "{"huge" if huge else "normal"}"; '
                      f'megabytes = {megabytes}; }};\n'
                      'idle = { performance = true; };\n')
        self.log = open(f"{f}/log", "w+")
        self.process = subprocess.Popen(
            [*within, f"{build}/sluice", "run", f"{f}/chain.yaml", "--config", f"{f}/host.conf",
             "--stats", f"{f}/stats.json"],
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                self.look()
                return
            except (subprocess.CalledProcessError, ValueError):
                time.sleep(0.1)
        self.kill()
        self.log.seek(0)
        raise RuntimeError("sluice did not start:\n" + self.log.read()[-3000:])

    def show(self, view):
        text = subprocess.run([f"{self.build}/sluice", "show", view, "--json", "--socket",
                               self.socket], check=True, capture_output=True, text=True).stdout
        return json.loads(text)[view]

    def look(self):
        return self.show("workers")[0]["rx"]

    def fused(self):
        """Flows that have an action now."""
        text = subprocess.run([f"{self.build}/sluice", "fusion", "--json", "--socket", self.socket],
                              check=True, capture_output=True, text=True).stdout
        return json.loads(text)["workers"][0]["flows"]

    def settle(self, packets, fused=0):
        """Wait until so many came, so that every flow is known and every table warm, and so many
        flows are fused."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.look() >= packets and (not fused or self.fused() >= fused):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.look()} of {packets} packets after a minute"
                           + (f", {self.fused()} of {fused} flows fused" if fused else ""))

    def measure(self, seconds):
        """Cycles a packet."""
        packets, cpu = self.look(), peers.CpuTime(self.process.pid)
        time.sleep(seconds)
        packets_after, cycles = self.look(), cpu.cycles()
        return cycles / max(packets_after - packets, 1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """Its last statistics."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        code, folder = self.process.returncode, self.folder.name
        if code != 0:
            self.log.seek(0)
            print(self.log.read()[-2000:], file=sys.stderr)
            raise RuntimeError(f"sluice ended with {code}")
        with open(f"{folder}/stats.json") as f:
            stats = json.load(f)
        self.folder.cleanup()
        return stats

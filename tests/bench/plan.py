# SPDX-License-Identifier: BSD-3-Clause
"""What `sluice plan` predicts for a chain, and the chains whose prediction is compared with what they
cost when they run."""
import json
import pathlib
import subprocess
import tempfile

import chains
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODES = {"unfused": False, "fused": True}
FLOWS = (1000, 10000)
# Shipped chains: the ports that traffic comes in and leaves by, the path, the traffic, and who is the
# next hop.
SHIPPED = {
    "branch-edge": ("lan", "wan", "office", {"src": "10.1.0.0/16"}, "198.51.100.254"),
    "home-gateway": ("home", "provider", "home-net", {"src": "192.168.1.2-192.168.1.250"},
                     "203.0.113.1"),
    "two-paths": ("lan", "wan", "web", {"src": "10.0.0.0/16", "dport": 443}, None),
}
BENCH = ("chain-3", "chain-5", "fused-8")


def shipped(name, flows, fused):
    """The chain between a generator and a sink; its traffic; the path it takes."""
    lan, wan, path, stream, gateway = SHIPPED[name]
    chain = yaml.safe_load((ROOT / "chains" / f"{name}.yaml").read_text())
    stream = {"dst": "192.0.2.80", "dport": 53, **stream}
    keep = ("addresses", "routes")
    near, far = ({key: chain["ports"][port][key] for key in keep if key in chain["ports"][port]}
                 for port in (lan, wan))
    if gateway:
        far["neighbours"] = [{"address": gateway, "mac": "02:00:00:00:00:02"}]
    chain["ports"] = {lan: {"kind": "generator", "flows": flows, **stream, **near},
                      wan: {"kind": "sink", **far}}
    chain["fusion"] = {"mode": "on" if fused else "off"}
    return chain, stream, path


def definition(name, flows, fused):
    if name in SHIPPED:
        return shipped(name, flows, fused)
    stream = chains.traffic(flows, 64)
    chain = chains.definition(name, flows, fused, {"kind": "generator", **stream},
                              {"kind": "sink"})
    stream = {key: stream[key] for key in ("src", "dst", "dport")}
    return chain, {**stream, "dst-mac": chains.MAC}, "only"


def predict(build, name, measure):
    """Cycles by flows and mode; with what is measured here, or with the shipped table."""
    chain, stream, path = definition(name, FLOWS[0], True)
    with tempfile.TemporaryDirectory(prefix="sluice-plan-") as folder:
        pathlib.Path(folder, "chain.yaml").write_text(json.dumps(chain))
        pathlib.Path(folder, "host.conf").write_text(
            'cores = { main = 0; workers = "1"; };\n'
            f'plugins = [ "{build}/plugins" ];\nvnfs = [ "{ROOT}/vnfs" ];\n')
        traffic = ", ".join(f"{key}: {value}" for key, value in stream.items())
        words = [f"{build}/sluice", "plan", "--json", "--config", f"{folder}/host.conf",
                 "--costs", f"{folder}/costs.json", "--traffic", traffic,
                 "--flows", ",".join(map(str, FLOWS)), f"{folder}/chain.yaml"]
        out = subprocess.run(words + ["--measure"] * measure, capture_output=True, text=True,
                             timeout=600)
        if out.returncode:
            raise RuntimeError(out.stderr[-2000:])
    for way in json.loads(out.stdout)["paths"]:
        if way["path"] == path and way["way"] == "forward":
            return {(load["flows"], mode): load[mode]["cycles"]
                    for load in way["loads"] for mode in MODES}
    raise RuntimeError(f"nothing is predicted for path {path}")

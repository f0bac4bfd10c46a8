#!/usr/bin/env python3
"""Runs the comparisons of benches/peers and keeps what they measured in benches/results.

    benches/measure.py [--quick] [peers] [e2e] [flood]

Without names, all three. Then renders; see benches/README.md. Needs cargo, and wrk for `e2e`.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import render

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PACKAGE = HERE / "peers"
CONNECTIONS = 32
TOKENS = 1000
# What an identity provider at some distance takes to answer for its keys.
KEYS_DELAY_MS = 20

# A proxy of the machine's must not get between the peers and the fake.
ENVIRONMENT = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="does it run, are ratios sane")
    parser.add_argument("what", nargs="*", help="peers, e2e, flood; default: all")
    arguments = parser.parse_args()
    runs = {"peers": peers, "e2e": e2e, "flood": flood}
    wanted = arguments.what or list(runs)
    for name in wanted:
        if name not in runs:
            parser.error(f"no such comparison: {name}")
    if "e2e" in wanted and not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")

    programs = build()
    RESULTS.mkdir(exist_ok=True)
    for name in wanted:
        report = {"quick": arguments.quick, "machine": machine(), **runs[name](programs, arguments.quick)}
        path = RESULTS / f"{name}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"wrote {path.relative_to(HERE.parent)}")
    render.main()


def build():
    """The folder of the optimised programs."""
    command = ["cargo", "build", "--release", "--locked", "--bins", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=PACKAGE, check=True, stdout=subprocess.PIPE, text=True)
    messages = (json.loads(line) for line in built.stdout.splitlines() if line.startswith("{"))
    executables = [message["executable"] for message in messages if message.get("executable")]
    return Path(executables[0]).parent


def peers(programs, quick):
    with tempfile.TemporaryDirectory() as folder:
        counts, out = Path(folder) / "counts", Path(folder) / "out"
        run([programs / "allocations", counts])
        run([programs / "peers", "--allocations", counts, "--out", out] + ["--quick"] * quick)
        return json.loads(out.read_text())


def e2e(programs, quick):
    """Rounds in which the servers are loaded one after the other."""
    seconds, rounds = (1, 3) if quick else (3, 15)
    samples = {}
    for number in range(rounds):
        # A process of its own for each round: where its memory lies decides how far it is away.
        with served(programs, 0) as (ports, tokens, process):
            names = [name for name in ports if name not in ("control", "jwks_client_rs")]
            # Another one begins each time: what is first may find the machine colder.
            for name in names[number % len(names):] + names[:number % len(names)]:
                wrk(ports[name], tokens, process, 1)
                samples.setdefault(name, []).append(wrk(ports[name], tokens, process, seconds))
    servers = []
    for name in names:
        pairs = list(zip(samples[name], samples["no auth"]))
        servers.append({
            "name": name,
            "rps": middle(one["rps"] for one, _ in pairs),
            "rps_ratio": middle(one["rps"] / base["rps"] for one, base in pairs),
            # What a request costs the server, whatever else the machine did at the time and whether
            # or not wrk could have sent more.
            "cpu_us": middle(one["cpu_us"] for one, _ in pairs),
            "cpu_ratio": middle(base["cpu_us"] / one["cpu_us"] for one, base in pairs),
            "busy": middle(one["busy"] for one, _ in pairs),
            "p50_us": middle(one["p50_us"] for one, _ in pairs),
            "p99_us": middle(one["p99_us"] for one, _ in pairs),
            "p99_ratio": middle(one["p99_us"] / base["p99_us"] for one, base in pairs),
            "errors": sum(one["errors"] for one, _ in pairs),
        })
        print(f"  {name:<34}{servers[-1]['rps']:>9.0f} requests/s {servers[-1]['rps_ratio']:6.3f} of no auth "
              f"({servers[-1]['cpu_ratio']:.3f} per second of its CPU, {servers[-1]['busy']:.0%} busy), "
              f"p99 {servers[-1]['p99_us']:6.0f} us {servers[-1]['p99_ratio']:6.2f} x, "
              f"{servers[-1]['errors']} errors")
    return {"seconds": seconds, "rounds": rounds, "connections": CONNECTIONS, "tokens": TOKENS, "servers": servers}


def wrk(port, tokens, process, seconds):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", PACKAGE / "cycle.lua",
               f"http://127.0.0.1:{port}/projects", "--", tokens]
    before = cpu_seconds(process)
    output = run(pinned("load", command), stdout=subprocess.PIPE).stdout
    cpu = cpu_seconds(process) - before
    sample = json.loads(output.splitlines()[-1])
    sample["rps"] = sample["requests"] / sample["seconds"]
    sample["cpu_us"] = cpu * 1e6 / sample["requests"]
    sample["busy"] = cpu / sample["seconds"]
    return sample


def cpu_seconds(process):
    # The name of the program, in brackets, may have spaces in it.
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood(programs, quick):
    """Rounds of quiet and flood; the server without auth shows what the flood's load alone does."""
    seconds, new_key, rounds = (1, 3, 1) if quick else (3, 15, 5)
    names = ["no auth", "tower-descope, warm", "tower-descope, cold", "jwks_client_rs"]
    samples = {name: [] for name in names}
    for number in range(rounds):
        knocks = new_key if number == rounds - 1 else 0
        for name in names:
            # A server of its own each time: nobody starts with another's budget of key fetches.
            with served(programs, KEYS_DELAY_MS) as (ports, tokens, _):
                command = [programs / "flood", ports[name], ports["control"], tokens, seconds, knocks]
                output = run(pinned("load", command), stdout=subprocess.PIPE).stdout
                samples[name].append(json.loads(output))
    servers = []
    for name in names:
        of = samples[name]
        server = {
            "name": name,
            "quiet_p99_us": middle(one["quiet"]["p99_us"] for one in of),
            "flood_p99_us": middle(one["beside"]["p99_us"] for one in of),
            "ratio": middle(one["beside"]["p99_us"] / one["quiet"]["p99_us"] for one in of),
            "good_refused": sum(one[phase]["requests"] - one[phase]["admitted"]
                                for one in of for phase in ("quiet", "beside")),
            "flood_requests": middle(one["flood"]["requests"] for one in of),
            "flood_admitted": sum(one["flood"]["admitted"] for one in of),
            "new_key_tries": of[-1]["new_key"]["tries"],
            "new_key_ms": of[-1]["new_key"]["ms"],
        }
        servers.append(server)
        print(f"  {name:<22} p99 of good tokens: quiet {server['quiet_p99_us']:>6.0f} us, "
              f"flood {server['flood_p99_us']:>8.0f} us, {server['ratio']:.2f} x; "
              f"a new key after {server['new_key_ms']} ms, try {server['new_key_tries']}")
    return {"seconds": seconds, "rounds": rounds, "keys_delay_ms": KEYS_DELAY_MS,
            "new_key_seconds": new_key, "servers": servers}


@contextlib.contextmanager
def served(programs, keys_delay):
    """The servers: their ports by name, the file with the tokens, and the process."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens"
        command = pinned("serve", [programs / "server", tokens, TOKENS, keys_delay])
        server = subprocess.Popen(texts(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env=ENVIRONMENT)
        try:
            yield dict(json.loads(server.stdout.readline())), tokens, server
        finally:
            server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def pinned(side, command):
    """Server and load on a core each, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not shutil.which("taskset"):
        return command
    return ["taskset", "-c", cores[0] if side == "serve" else cores[1], *command]


def run(command, **options):
    return subprocess.run(texts(command), check=True, text=True, env=ENVIRONMENT, **options)


def texts(command):
    return [str(part) for part in command]


def middle(numbers):
    return statistics.median(numbers)


def machine():
    def said(*command):
        return subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    # What was measured before is no change of the code.
    changed = said("git", "status", "--porcelain", "--", "..", ":!results")
    return {
        "commit": said("git", "rev-parse", "--short=12", "HEAD") + (" and changes" if changed else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": models[0] if models else platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "rustc": said("rustc", "--version"),
    }


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Renders what benches/measure.py left in benches/results: a table (README.md) and a plot (plot.svg).

    benches/render.py

Renders whatever is there: peers.json, e2e.json, flood.json, and hot_path.txt, which is the output
of `cargo bench --bench hot_path`.
"""

import json
import re
from pathlib import Path

import plot

RESULTS = Path(__file__).resolve().parent / "results"
TENANTS = (3, 20, 200)


def main():
    reports = {name: load(name) for name in ("peers", "e2e", "flood")}
    hot_path = RESULTS / "hot_path.txt"
    sections = [
        "# Results\n\nMade by `benches/measure.py` and overwritten by its next run; read "
        "[`benches/README.md`](../README.md) for what is measured. Compare ratios: they are medians "
        "of ratios within one run. Nanoseconds of another machine mean nothing.",
    ]
    if any(report and report["quick"] for report in reports.values()):
        sections.append("**From a quick run**, which shows that the benches work, not what they measure.")
    if reports["peers"] or reports["e2e"]:
        sections.append("![Time that each way of authentication adds to a request, and requests per second](plot.svg)")
    if reports["peers"]:
        sections += peers(reports["peers"])
    if reports["e2e"]:
        sections += e2e(reports["e2e"])
    if reports["flood"]:
        sections += flood(reports["flood"])
    if hot_path.exists():
        sections += groups(hot_path.read_text())
    (RESULTS / "README.md").write_text("\n\n".join(sections) + "\n")
    if reports["peers"] or reports["e2e"]:
        (RESULTS / "plot.svg").write_text(plot.svg(reports["peers"], reports["e2e"]))


def load(name):
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def peers(report):
    scenarios = {scenario["name"]: scenario for scenario in report["scenarios"]}
    contenders = [one["name"] for one in report["contenders"] if one["version"]]
    yield "## In process"
    yield origin(report["machine"]) + f" RS256, 2,048 bits; {report['turns']} turns."

    yield "### Admitted requests\n\nWhat each adds to the bare service, and how often it allocates."
    rows = []
    by_tenants = [scenarios[f"admitted, {tenants} tenants"] for tenants in TENANTS]
    for name in contenders:
        cells = [name]
        for scenario in by_tenants:
            row = find(scenario, name)
            cells += [time(row["added_ns"]), ratio(row["over_raw"]), count(row)]
        first = find(by_tenants[0], name)
        rows.append(cells + [ratio(first["over_warm"])])
    head = ["", *(cell for scenario, tenants in zip(by_tenants, TENANTS) for cell in
                  (f"{tenants} tenants ({scenario['token_bytes'] / 1024:.1f} KiB)", "× raw check", "alloc."))]
    yield table(head + ["× warm, 3 tenants"], rows)
    raw = ", ".join(time(scenario["raw_ns"]) for scenario in by_tenants)
    bare = find(by_tenants[0], "no auth")
    yield (f"The raw check of a parsed key takes {raw}; the bare service {time(bare['ns'])} "
           f"and {count(bare)} allocations.")

    yield ("### Admitted, and the handler asks for a permission\n\nPeers have parsed all claims by then; "
           "here tower-descope looks the tenant up too.")
    by_tenants = [scenarios[f"admitted and asked for a permission, {tenants} tenants"] for tenants in TENANTS]
    yield table(["", *(cell for tenants in TENANTS for cell in (f"{tenants} tenants", "alloc."))],
                [[name, *(cell for scenario in by_tenants for row in [find(scenario, name)]
                          for cell in (time(row["added_ns"]), count(row)))] for name in contenders])

    kinds = ("forged", "unknown kid", "garbage", "no token")
    yield ("### Refusals\n\nThe whole answer, over the bare service; then the verdict on the token alone, "
           "where a peer gives one without a request.")
    rows = []
    for name in contenders:
        cells = [name]
        for kind in kinds:
            row = find(scenarios[f"refusal: {kind}"], name)
            cells.append(time(row["ns"]) + (f" ({ratio(row['ns'] / scenarios['refusal: forged']['raw_ns'])})"
                                            if kind == "forged" else ""))
        for kind in ("good",) + kinds[:3]:
            row = find(scenarios[f"verdict: {kind}"], name)
            cells.append(time(row["ns"]) if row else "–")
        rows.append(cells)
    yield table(["", "refusal: forged (× raw)", *(f"refusal: {kind}" for kind in kinds[1:]),
                 "verdict: good", *(f"verdict: {kind}" for kind in kinds[:3])], rows)

    yield "Versions: " + ", ".join(f"{one['name']} {one['version']} ({one['backend']})"
                                   for one in report["contenders"] if one["version"]) + "."


def e2e(report):
    yield "## Whole servers"
    yield (origin(report["machine"]) + f" axum on one core, wrk with {report['connections']} connections on "
           f"another; {report['tokens']:,} tokens in turn; {report['rounds']} rounds of {report['seconds']} s.")
    yield table(["", "requests/s", "of no auth", "core in use", "CPU per request", "requests per second of CPU, of no auth",
                 "p99", "p99, × no auth", "errors"],
                [[one["name"], f"{one['rps']:,.0f}", f"{one['rps_ratio']:.3f}", f"{one['busy']:.0%}",
                  time(one["cpu_us"] * 1000), f"{one['cpu_ratio']:.3f}", time(one["p99_us"] * 1000),
                  ratio(one["p99_ratio"]), one["errors"]] for one in report["servers"]])


def flood(report):
    yield "## Beside a flood of unknown kids"
    yield (origin(report["machine"]) + " 500 requests per second with good tokens, alone and beside 1,000 per "
           f"second with unknown kids; keys are answered after {report['keys_delay_ms']} ms; "
           f"{report['rounds']} rounds of {report['seconds']} s each. Then, in the flood, the project gets a "
           f"new key, whose first token knocks every 20 ms for {report['new_key_seconds']} s at most.")
    rows = []
    for one in report["servers"]:
        checks = one["name"] != "no auth"
        wait, tries = one["new_key_ms"], one["new_key_tries"]
        wait = "not at all" if wait is None else f"{wait:,} ms, try {tries}"
        rows.append([one["name"], time(one["quiet_p99_us"] * 1000), time(one["flood_p99_us"] * 1000),
                     ratio(one["ratio"]), one["good_refused"], wait if checks else "–"])
    yield table(["", "p99, quiet", "p99, flood", "flood / quiet", "good tokens refused", "new key let in after"],
                rows)


def groups(text):
    """The tables of ratios in the output of the bench `hot_path`."""
    heading = re.compile(r"^(\w+): ratios within this run")
    line = re.compile(r"^ +(\S+) +([\d.]+) ns(?: +([\d.]+) x (\S+))?")
    found = {}
    rows = None
    for text_line in text.splitlines():
        if begins := heading.match(text_line):
            rows = found.setdefault(begins[1], [])
        elif rows is not None and (row := line.match(text_line)):
            rows.append([f"`{row[1]}`", time(float(row[2])), f"{row[3]} × `{row[4]}`" if row[3] else ""])
    if found:
        yield "## The crate's own rows\n\nOf `cargo bench --bench hot_path`."
    for name, rows in found.items():
        yield f"### `{name}/`\n\n" + table(["", "time", "over its baseline"], rows)


def origin(machine):
    return (f"Commit {machine['commit']}, {machine['date']}; {machine['cores']} cores of {machine['cpu']}, "
            f"{machine['kernel']}, {machine['rustc']}.")


def find(scenario, contender):
    return next((row for row in scenario["rows"] if row["contender"] == contender), None)


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def time(nanos):
    """Three digits at most."""
    if nanos is None:
        return "–"
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanos >= size:
            value = nanos / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
    return f"{nanos:.0f} ns"


def ratio(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def count(row):
    return "–" if row["allocations"] is None else row["allocations"]


if __name__ == "__main__":
    main()

"""The plot of benches/render.py, as SVG by hand: readable on light and on dark screens."""

from html import escape
from math import log10

WIDTH, LEFT, RIGHT, ROW, TOP = 880, 264, 40, 26, 74
COLOURS = {3: "a", 20: "b", 200: "c"}
# The same colours would be too pale on white or too dark on black.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 15px }
.small { font-size: 12px; fill: #59636e } .back { fill: #ffffff } .grid { stroke: #d1d9e0 }
.floor { stroke: #59636e; stroke-dasharray: 4 3 } .span { stroke: #b6c0ca; stroke-width: 2 }
.a { fill: #0969da } .b { fill: #bc4c00 } .c { fill: #8250df } .other { fill: #8c959f } .own { font-weight: 600 }
.halo { paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #30363d }
.floor { stroke: #9198a1 } .span { stroke: #484f58 }
.a { fill: #4493f8 } .b { fill: #f0883e } .c { fill: #ab7df8 } .other { fill: #768390 } .halo { stroke: #0d1117 }
}"""


def svg(peers, e2e):
    parts, y = [], 0
    if peers:
        y = added_times(parts, peers, y)
    if e2e:
        y = throughput(parts, e2e, y)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            'role="img" aria-label="Cost of authentication per request, and requests per second">')
    return "\n".join([head, f"<style>{STYLE}\n</style>", f'<rect class="back" width="{WIDTH}" height="{y}"/>',
                      *parts, "</svg>", ""])


def added_times(parts, report, y):
    """A dot for each size of token, on a logarithmic axis."""
    scenarios = {tenants: next(one for one in report["scenarios"] if one["name"] == f"admitted, {tenants} tenants")
                 for tenants in COLOURS}
    names = [one["name"] for one in report["contenders"] if one["version"]]
    times = {name: {tenants: max(row["added_ns"], 1.0) for tenants, scenario in scenarios.items()
                    for row in scenario["rows"] if row["contender"] == name} for name in names}
    every = [time for of in times.values() for time in of.values()]
    low = 10 ** int(log10(min(every)))
    decades = 1
    while low * 10 ** decades < max(every):
        decades += 1
    height = TOP + ROW * len(names) + 64

    def x(nanos):
        return LEFT + log10(nanos / low) / decades * (WIDTH - LEFT - RIGHT)

    bottom = y + TOP + ROW * len(names)
    text(parts, 16, y + 26, "Time that authentication adds to an admitted request", "title")
    text(parts, 16, y + 46, "RS256, one thread, in process; logarithmic; less is better", "small")
    for decade in range(decades + 1):
        nanos = low * 10 ** decade
        line(parts, x(nanos), y + TOP - 8, x(nanos), bottom, "grid")
        text(parts, x(nanos), bottom + 18, duration(nanos), "small", "middle")
    text(parts, (LEFT + WIDTH - RIGHT) / 2, bottom + 38, "time per request over the bare service", "small", "middle")
    floor = scenarios[3]["raw_ns"]
    line(parts, x(floor), y + TOP - 8, x(floor), bottom, "floor")
    side = "start" if x(floor) < (LEFT + WIDTH) / 2 else "end"
    text(parts, x(floor), y + TOP - 12, "signature check alone, 3 tenants", "small", side)
    for number, tenants in enumerate(COLOURS):
        at = WIDTH - RIGHT - 300 + number * 108
        dot(parts, at, y + 22, COLOURS[tenants], "")
        text(parts, at + 10, y + 26, f"{tenants} tenants", "small")
    for number, name in enumerate(names):
        middle = y + TOP + ROW * number + ROW / 2
        text(parts, LEFT - 14, middle + 4, name, "own" if name.startswith("tower-descope") else "", "end")
        xs = [x(time) for time in times[name].values()]
        line(parts, min(xs), middle, max(xs), middle, "span")
        # The smallest on top where they meet.
        for tenants, time in sorted(times[name].items(), reverse=True):
            dot(parts, x(time), middle, COLOURS[tenants], f"{name}, {tenants} tenants: {duration(time)}")
    return y + height


def throughput(parts, report, y):
    servers = report["servers"]
    bottom = y + TOP + ROW * len(servers)
    full = max(1.0, max(one["rps_ratio"] for one in servers))

    def x(share):
        return LEFT + share / full * (WIDTH - LEFT - RIGHT - 70)

    text(parts, 16, y + 26, "Requests per second of an axum server on one core", "title")
    text(parts, 16, y + 46, f"wrk, {report['tokens']:,} tokens in turn, medians of {report['rounds']} rounds; "
         "more is better", "small")
    for quarter in range(5):
        share = quarter / 4
        line(parts, x(share), y + TOP - 8, x(share), bottom, "grid")
        text(parts, x(share), bottom + 18, f"{share:.0%}", "small", "middle")
    text(parts, x(0.5), bottom + 38, "share of the same server without authentication", "small", "middle")
    for number, one in enumerate(servers):
        top = y + TOP + ROW * number + 5
        own = one["name"].startswith("tower-descope")
        text(parts, LEFT - 14, top + 12, one["name"], "own" if own else "", "end")
        width = max(x(one["rps_ratio"]) - LEFT, 1)
        parts.append(f'<rect class="{"a" if own else "other"}" x="{LEFT}" y="{top}" width="{width:.1f}" '
                     f'height="{ROW - 10}" rx="2"/>')
        text(parts, LEFT + width + 6, top + 12, f"{one['rps_ratio']:.1%}", "small halo")
    return bottom + 58


def duration(nanos):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanos >= size:
            return f"{nanos / size:.3g} {unit}"
    return f"{nanos:.3g} ns"


def text(parts, x, y, words, kind="", anchor="start"):
    parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')


def line(parts, x1, y1, x2, y2, kind):
    parts.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


def dot(parts, x, y, kind, words):
    title = f"<title>{escape(words)}</title>" if words else ""
    parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5.5">{title}</circle>')

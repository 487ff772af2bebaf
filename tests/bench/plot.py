# SPDX-License-Identifier: BSD-3-Clause
"""docs/performance-chain.svg: cycles a packet against the length of a chain, and against flows."""
from tables import FLOOR, GOAL

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 330, 58, 34, 52
COLOURS = {"unfused": "#b5532a", "fused": "#1f6fb2", "floor": "#888888", "goal": "#3a8f4d"}


class Panel:
    """One pair of axes; x is a list of places at equal distances."""

    def __init__(self, x0, title, places, label, highest):
        self.x0, self.places, self.highest, self.out = x0, places, highest, []
        self.right = x0 + WIDTH - 16
        self.text(x0 + LEFT, 20, title, "start", 14)
        self.text((x0 + LEFT + self.right) / 2, HEIGHT - 12, label)
        step = next(s for s in (10, 20, 50, 100, 200, 500, 1000, 2000) if highest / s <= 8)
        for value in range(0, int(highest) + 1, step):
            self.line([(x0 + LEFT, self.y(value)), (self.right, self.y(value))], "#dddddd", 1)
            self.text(x0 + LEFT - 6, self.y(value) + 4, str(value), "end")
        for place in places:
            self.text(self.x(place), HEIGHT - BOTTOM + 18, place)

    def x(self, place):
        width = self.right - self.x0 - LEFT
        return self.x0 + LEFT + width * (self.places.index(place) + 0.5) / len(self.places)

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.highest

    def text(self, x, y, words, anchor="middle", size=12, colour="#333333"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                        f'font-size="{size}" fill="{colour}">{words}</text>')

    def line(self, points, colour, width=2.5, dashes=""):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                        f'stroke-width="{width}"{dashes}/>')

    def series(self, name, values, dashes=""):
        """values: by place; those that were not measured are None."""
        values = [(place, value) for place, value in values.items() if value is not None]
        if not values:
            return
        colour = COLOURS[name]
        self.line([(self.x(p), self.y(v)) for p, v in values], colour, dashes=dashes)
        if not dashes:
            for place, value in values:
                x, y = self.x(place), self.y(value)
                self.out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
                self.text(x, y - 8, f"{value:.0f}", size=11, colour=colour)

    def legend(self, names):
        for i, name in enumerate(names):
            x, y = self.x0 + LEFT + 12, TOP + 14 + 17 * i
            self.line([(x, y - 4), (x + 22, y - 4)], COLOURS[name],
                      dashes="5 4" if name in ("floor", "goal") else "")
            self.text(x + 28, y, name, "start")


def highest(*groups):
    return max([100, *(v for group in groups for v in group.values() if v is not None)]) * 1.12


def draw(rows):
    systems = {"fused": "sluice", "unfused": "sluice unfused"}
    by_length = {name: {str(n): rows.cycles(f"fused-{n}", system, 10000) for n in (1, 2, 4, 8)}
                 for name, system in systems.items()}
    flows = {"1,000": 1000, "10,000": 10000, "1 million": 1000000, "4 million": 4000000}
    by_flows = {name: {place: rows.cycles("chain-5", system, n) for place, n in flows.items()}
                for name, system in systems.items()}
    limits = {name: {place: numbers.get(n) for place, n in flows.items()}
              for name, numbers in (("floor", FLOOR), ("goal", GOAL))}
    left = Panel(0, "Cycles a packet, 10,000 flows", ["1", "2", "4", "8"], "functions in the chain",
                 highest(*by_length.values()))
    right = Panel(WIDTH, "Cycles a packet, chain of five", list(flows), "flows",
                  highest(*by_flows.values(), limits["floor"]))
    for name in systems:
        left.series(name, by_length[name])
        right.series(name, by_flows[name])
    for name, values in limits.items():
        right.series(name, values, "5 4")
    left.legend(["unfused", "fused"])
    right.legend(["unfused", "fused", "goal", "floor"])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
            f'width="{2 * WIDTH}" height="{HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
            + "\n".join(left.out + right.out) + "\n</svg>\n")

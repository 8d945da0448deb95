"""A small SVG with one panel for each figure: its samples over the minutes, and the line through what is judged."""
from trend import line

WIDTH, HEIGHT, LEFT, TOP, GAP = 420, 110, 12, 26, 44
POINTS = 240


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def thin(pairs):
    """At most POINTS of them, the largest of each stretch, so that no peak is hidden."""
    step = max(1, len(pairs) // POINTS)
    return [max(pairs[i:i + step], key=lambda p: p[1]) for i in range(0, len(pairs), step)]


def panel(name, x, y, times, values, warm):
    low, high = 0, max(values) * 1.1 or 1
    at_x = lambda t: x + LEFT + t / times[-1] * WIDTH
    at_y = lambda v: y + TOP + HEIGHT - (v - low) / (high - low) * HEIGHT
    path = " ".join(f"{at_x(t):.1f},{at_y(v):.1f}" for t, v in thin(list(zip(times, values))))
    judged = [(t, v) for t, v in zip(times, values) if t >= warm]
    begin, end = line(*zip(*judged))
    frame = f'x="{x + LEFT}" y="{y + TOP}" width="{WIDTH}" height="{HEIGHT}"'
    return [
        f'<text x="{x + LEFT}" y="{y + TOP - 8}" class="n">{name}: {number(begin)} → {number(end)}, '
        f'at most {number(max(values))}</text>',
        f'<rect {frame} class="f"/>',
        f'<rect x="{x + LEFT}" y="{y + TOP}" width="{at_x(warm) - x - LEFT:.1f}" height="{HEIGHT}" class="w"/>',
        f'<polyline points="{path}" class="v"/>',
        f'<line x1="{at_x(judged[0][0]):.1f}" y1="{at_y(begin):.1f}" x2="{at_x(times[-1]):.1f}" y2="{at_y(end):.1f}" class="t"/>',
    ]


def svg(title, times, columns, warm):
    """`columns`: name -> values, one for each of `times` in seconds; before `warm` nothing is judged."""
    shapes, side, row = [], LEFT * 2 + WIDTH, TOP + HEIGHT + GAP - TOP
    for i, (name, values) in enumerate(columns.items()):
        shapes += panel(name, (i % 2) * side, 30 + i // 2 * row, times, values, warm)
    height = 30 + (len(columns) + 1) // 2 * row + 16
    foot = f"0 to {times[-1] / 60:.0f} minutes; grey: warm-up; from zero to a tenth above the largest sample"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * side} {height}" font-family="sans-serif" font-size="12">',
        "<style>.n{fill:#222}.f{fill:none;stroke:#999}.w{fill:#ddd}.v{fill:none;stroke:#1f6fb4}.t{stroke:#c33;stroke-dasharray:5 3}"
        "</style>",
        f'<rect width="{2 * side}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{title}</text>',
        *shapes,
        f'<text x="{LEFT}" y="{height - 8}" fill="#666">{foot}</text>',
        "</svg>", ""])

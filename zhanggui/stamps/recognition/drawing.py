"""A pattern as a drawing and as a body to print: SVG and binary STL, in millimetres.

Coordinates of a pattern are those of the screen it is pressed on, y downwards. The body stands on
its plate with the pads up, so it is the mirror image: turned over it lies on the screen as drawn.

Source: stamps specification 7.4; STL: 80 bytes, a count, 50 bytes a triangle, little endian.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence

from zhanggui.stamps.recognition.generator import PAD_MM, RADIUS_MM

PLATE_RADIUS_MM = RADIUS_MM + PAD_MM / 2 + 1.5
PLATE_MM = 4.0
PAD_HEIGHT_MM = 6.0
CORNERS = 48
HEADER = b"stamp pattern, millimetres, pads up"

type Pairs = Sequence[Sequence[float]]
type Corner = tuple[float, float, float]
type Triangle = tuple[Corner, Corner, Corner]


def svg(pairs: Pairs) -> str:
    """The pattern at its real size, as it lies on the screen.

    The classes carry no colours of their own: a page may style them, a drawing program sees black
    lines.
    """
    size = 2 * PLATE_RADIUS_MM
    pads = "".join(
        f'<circle class="pad" cx="{x:g}" cy="{y:g}" r="{PAD_MM / 2:g}" fill="black"/>'
        f'<path class="middle" d="M{x - 1:g} {y:g}h2M{x:g} {y - 1:g}v2"'
        ' stroke="white" stroke-width="0.2"/>'
        for x, y in pairs
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size:g}mm" height="{size:g}mm"'
        f' viewBox="{-PLATE_RADIUS_MM:g} {-PLATE_RADIUS_MM:g} {size:g} {size:g}">'
        f'<circle class="plate" r="{PLATE_RADIUS_MM - 0.1:g}" fill="none" stroke="black"'
        ' stroke-width="0.2"/>'
        f"{pads}</svg>"
    )


def stl(pairs: Pairs) -> bytes:
    """The stamp's face as a closed body for a 3D printer, binary STL."""
    triangles = list(_cylinder(0, 0, PLATE_RADIUS_MM, 0, PLATE_MM))
    for x, y in pairs:
        # a little into the plate, so that the bodies are one for the printer
        triangles += _cylinder(x, y, PAD_MM / 2, PLATE_MM - 0.5, PLATE_MM + PAD_HEIGHT_MM)
    body = [HEADER.ljust(80, b"\0"), struct.pack("<I", len(triangles))]
    for triangle in triangles:
        numbers = (*_normal(triangle), *triangle[0], *triangle[1], *triangle[2])
        body.append(struct.pack("<12fH", *numbers, 0))
    return b"".join(body)


def _cylinder(x: float, y: float, radius: float, low: float, high: float) -> Iterator[Triangle]:
    angles = [2 * math.pi * place / CORNERS for place in range(CORNERS)]
    rim = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
    for place, (ax, ay) in enumerate(rim):
        bx, by = rim[(place + 1) % CORNERS]
        yield (x, y, high), (ax, ay, high), (bx, by, high)
        yield (x, y, low), (bx, by, low), (ax, ay, low)
        yield (ax, ay, low), (bx, by, low), (bx, by, high)
        yield (ax, ay, low), (bx, by, high), (ax, ay, high)


def _normal(triangle: Triangle) -> Corner:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = triangle
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx / length, ny / length, nz / length

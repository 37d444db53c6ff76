"""New patterns, their files, and the simulation in small."""

from __future__ import annotations

import math
import random
import struct
from itertools import combinations

import pytest

from zhanggui.stamps.recognition import drawing, generator, simulation
from zhanggui.stamps.recognition.geometry import Shape, points_of

T1 = [[-11, 0], [5, -16], [17, 4], [-2, 0], [-10, 10]]


@pytest.fixture(scope="module")
def made() -> list[generator.Layout]:
    """Twelve patterns of one shop."""
    dice = random.Random(1)  # noqa: S311
    shapes: list[Shape] = []
    found = []
    for _ in range(12):
        layout, _candidates = generator.make_layout(shapes, dice=dice)
        shapes.append(Shape.of(points_of(layout)))
        found.append(layout)
    return found


class TestGenerator:
    def test_keeps_every_rule(self, made: list[generator.Layout]) -> None:
        for layout in made:
            assert generator.why_not(layout) == ""
            assert all(math.hypot(*point) <= 20 for point in layout)
            assert min(math.dist(a, b) for a, b in combinations(layout, 2)) >= 9

    def test_all_are_unlike(self, made: list[generator.Layout]) -> None:
        shapes = [Shape.of(points_of(layout)) for layout in made]
        for place, shape in enumerate(shapes):
            assert generator.likeness(shape, shapes[:place]) >= 2.0

    def test_gives_up_when_there_is_no_room(self) -> None:
        class Same:
            def randint(self, _low: int, _high: int, /) -> int:
                self.place = (getattr(self, "place", -1) + 1) % 10
                return [int(part) for pair in T1 for part in pair][self.place]

        with pytest.raises(generator.NoRoom):
            # the one layout it draws is there already
            generator.make_layout([Shape.of(points_of(T1))], dice=Same(), tries=1)

    @pytest.mark.parametrize(
        ("points", "why"),
        [
            (T1[:4], "count"),
            ([*T1[:4], [-10, 2]], "near"),
            ([[-11, 0], [5, -16], [21, 4], [-2, 0], [-10, 10]], "wide"),
            (
                [
                    [18 * math.cos(a), 18 * math.sin(a)]
                    for a in (n * math.tau / 5 for n in range(5))
                ],
                "own",
            ),
        ],
        ids=["four-points", "two-melt", "beyond-the-face", "regular-pentagon"],
    )
    def test_names_what_makes_a_pattern_unfit(self, points: list[list[float]], why: str) -> None:
        assert generator.why_not(points) == why

    def test_t1_would_be_a_good_stamp(self) -> None:
        assert generator.why_not(T1) == ""


class TestDrawing:
    def test_the_body_is_closed_and_mirrored_pads_up(self) -> None:
        data = drawing.stl(T1)
        (count,) = struct.unpack_from("<I", data, 80)
        assert len(data) == 84 + 50 * count
        edges: dict[tuple[tuple[float, ...], tuple[float, ...]], int] = {}
        volume = 0.0
        tops: set[tuple[float, float]] = set()
        for place in range(count):
            numbers = struct.unpack_from("<12fH", data, 84 + 50 * place)
            a, b, c = (tuple(round(n, 4) for n in numbers[3 * k : 3 * k + 3]) for k in (1, 2, 3))
            for edge in ((a, b), (b, c), (c, a)):
                edges[edge] = edges.get(edge, 0) + 1
            volume += (
                a[0] * (b[1] * c[2] - b[2] * c[1])
                - a[1] * (b[0] * c[2] - b[2] * c[0])
                + a[2] * (b[0] * c[1] - b[1] * c[0])
            ) / 6
            height = drawing.PLATE_MM + drawing.PAD_HEIGHT_MM
            tops |= {(p[0], p[1]) for p in (a,) if p[2] == height}

        assert all(edges.get((end, start)) == many for (start, end), many in edges.items())
        assert volume > 0, "the outside looks outwards"
        middles = {(float(x), float(y)) for x, y in T1}
        assert middles <= tops

    def test_the_drawing_has_its_real_size(self) -> None:
        drawn = drawing.svg(T1)
        assert 'width="50mm"' in drawn
        assert drawn.count('class="pad"') == 5
        assert 'cx="-11" cy="0" r="3.5"' in drawn


class TestSimulation:
    """The tables of 7.5 with fewer presses; ``make bench-stamps`` prints the whole ones."""

    def test_little_noise_refuses_nothing(self) -> None:
        row = simulation.refusals(0.3, 10, 300)
        assert (row.refused, row.wrong) == (0, 0)

    def test_much_noise_refuses_and_is_never_taken_for_another(self) -> None:
        row = simulation.refusals(0.7, 10, 300)
        assert 0 < row.refused < 60
        assert row.wrong == 0

    def test_a_hand_is_no_stamp(self) -> None:
        row = simulation.false_accepts("hand", 10, 500, simulation.SPREAD_HAND)
        assert row.share <= 0.004

    def test_sisters_are_not_taken_for_each_other(self) -> None:
        assert simulation.sisters(10, 300).accepted == 0

    def test_the_same_seed_gives_the_same_table(self) -> None:
        assert simulation.refusals(0.7, 10, 60) == simulation.refusals(0.7, 10, 60)

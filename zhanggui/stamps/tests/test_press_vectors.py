"""The twenty vectors of recognition; those that need the counter's doors stand with these.

Source: stamps specification 7.8.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pytest

from zhanggui.stamps.recognition import generator
from zhanggui.stamps.recognition.geometry import (
    MM_PER_PX,
    Fit,
    Shape,
    distance,
    fit,
    least,
    points_of,
)
from zhanggui.stamps.recognition.rule import (
    Frame,
    Match,
    Pattern,
    Press,
    Timing,
    Unrecognised,
    Why,
    recognise,
    recognise_points,
)

T1 = [[-11, 0], [5, -16], [17, 4], [-2, 0], [-10, 10]]
T2 = [[-12, 4], [13, -10], [-4, 9], [-7, -5], [11, 3]]
T3 = [[-10, 0], [5, -16], [17, 4], [-3, 0], [-10, 10]]
BOOK = [Pattern.of(1, T1), Pattern.of(2, T2)]
FIRST = [[119.4, 330], [222.1, 227.3], [299.1, 355.7], [177.2, 330], [125.8, 394.2]]
STRAY = [382.5, 509.7]
OFF = 0.01


def near(value: float) -> Any:
    return pytest.approx(value, abs=OFF)


def best(points: list[list[float]], pattern: Pattern) -> Fit:
    return fit(Shape.of(points_of(points, unit_mm=MM_PER_PX)), pattern.shape)


def why(points: list[list[float]], book: list[Pattern] = BOOK) -> Unrecognised:
    with pytest.raises(Unrecognised) as refused:
        recognise_points(points, book)
    return refused.value


def third_moved(x: float) -> list[list[float]]:
    return [*FIRST[:2], [x, 355.7], *FIRST[3:]]


def test_the_two_patterns_of_the_vectors_are_far_apart() -> None:
    assert distance(BOOK[0].shape, BOOK[1].shape) == near(5.47)


@pytest.mark.spec("stamps press 1")
def test_as_it_is() -> None:
    found = recognise_points(FIRST, BOOK)

    assert (found.key, found.is_stray) == (1, False)
    assert (found.fit.residual, found.fit.scale) == (near(0.003), near(1.0))


@pytest.mark.spec("stamps press 2")
def test_turned_and_shuffled() -> None:
    points = [[149.7, 412.3], [103.6, 377.5], [70.1, 432.6], [231.7, 506.2], [247.4, 357.3]]
    found = recognise_points(points, BOOK)

    assert found.key == 1
    assert found.fit.residual == near(0.005)
    assert found.fit.turn_deg == pytest.approx(-37.0, abs=0.05)


@pytest.mark.spec("stamps press 3")
def test_upside_down_in_whole_pixels() -> None:
    points = [[168, 403], [264, 236], [271, 300], [91, 274], [213, 300]]
    found = recognise_points(points, BOOK)

    assert (found.key, found.fit.residual) == (1, near(0.042))
    assert abs(found.fit.turn_deg) == pytest.approx(180, abs=0.1)


@pytest.mark.spec("stamps press 4")
def test_noisy_turned_and_larger() -> None:
    points = [[249, 257], [168, 411], [107, 293], [227, 426], [184, 365]]
    found = recognise_points(points, BOOK)

    assert found.key == 1
    assert (found.fit.residual, found.fit.largest) == (near(0.517), near(0.648))
    assert found.fit.scale == near(1.052)


@pytest.mark.spec("stamps press 5")
def test_a_mirror_image_is_no_stamp() -> None:
    points = [[121.8, 311.7], [194.4, 437.5], [302, 333.4], [177.6, 326.7], [144.6, 251.4]]

    assert why(points).why is Why.UNKNOWN
    assert min(best(points, pattern).residual for pattern in BOOK) == near(2.552)


@pytest.mark.spec("stamps press 6")
def test_the_other_stamp() -> None:
    points = [[233.7, 302.3], [46.6, 332.8], [195.2, 253.1], [182.2, 346.9], [88.4, 256.5]]
    found = recognise_points(points, BOOK)

    assert (found.key, found.fit.residual) == (2, near(0.005))
    assert best(points, BOOK[0]).residual == near(6.109)


@pytest.mark.spec("stamps press 7")
def test_a_sixth_touch_is_dropped() -> None:
    points = [*FIRST, STRAY]
    found = recognise_points(points, BOOK)
    others = [best(list(five), BOOK[0]).residual for five in combinations(points, 5)]

    assert (found.key, found.is_stray, found.fit.residual) == (1, True, near(0.003))
    assert sorted(others)[1] >= 5.33 - OFF


@pytest.mark.spec("stamps press 8")
def test_the_right_shape_in_a_wrong_size() -> None:
    points = [[136.5, 320.6], [228, 256.5], [269.2, 364], [180.3, 328.3], [132.8, 370]]
    refused = why(points)

    assert refused.why is Why.SCALE
    assert refused.nearest is not None
    assert refused.nearest.fit.residual == near(0.006)
    assert refused.nearest.fit.scale == near(1.3)


@pytest.mark.spec("stamps press 9")
def test_a_tenth_smaller_is_good() -> None:
    points = [[112.8, 316.4], [244.9, 223.8], [304.4, 379.1], [176, 327.5], [107.4, 387.8]]
    found = recognise_points(points, BOOK)

    assert (found.key, found.fit.scale) == (1, near(0.9))


@pytest.mark.spec("stamps press 10")
def test_one_point_a_little_off() -> None:
    found = recognise_points(third_moved(315.1), BOOK)

    assert found.key == 1
    assert (found.fit.residual, found.fit.largest) == (near(0.714), near(1.026))


@pytest.mark.spec("stamps press 11")
def test_one_point_off() -> None:
    points = third_moved(328.0)

    assert why(points).why is Why.UNKNOWN
    assert best(points, BOOK[0]).residual == near(1.243)


@pytest.mark.spec("stamps press 12")
def test_one_point_far_off() -> None:
    points = third_moved(337.6)
    found = best(points, BOOK[0])

    assert why(points).why is Why.UNKNOWN
    assert (found.residual, found.largest) == (near(1.609), near(2.293))


@pytest.mark.spec("stamps press 13")
def test_a_stamp_of_another_maker() -> None:
    points: list[list[float]] = [[264, 172], [267, 371], [242, 286], [69, 375], [66, 221]]

    assert why(points).why is Why.UNKNOWN
    assert min(best(points, pattern).residual for pattern in BOOK) == near(4.152)


@pytest.mark.spec("stamps press 14")
def test_a_hand() -> None:
    points: list[list[float]] = [[10, 210], [95, 120], [180, 105], [265, 140], [330, 300]]

    assert why(points).why is Why.UNKNOWN
    assert min(best(points, pattern).residual for pattern in BOOK) == near(4.92)


@pytest.mark.spec("stamps press 15")
def test_two_alike_stamps_in_one_book() -> None:
    points: list[list[float]] = [
        [122.6, 330],
        [222.1, 227.3],
        [299.1, 355.7],
        [174, 330],
        [125.8, 394.2],
    ]
    book = [Pattern.of(1, T1), Pattern.of(3, T3)]
    refused = why(points, book)

    assert refused.why is Why.AMBIGUOUS
    assert refused.nearest is not None
    assert refused.nearest.fit.residual == near(0.308)
    assert refused.nearest.next_mm == near(0.313)


@pytest.mark.spec("stamps press 16")
@pytest.mark.parametrize(
    ("points", "expected", "count"),
    [
        (FIRST[:4], Why.FEW, 4),
        ([*FIRST[:4], [math.nan, 1]], Why.BAD, None),
        ([*FIRST[:4], FIRST[0]], Why.BAD, None),
        ([], Why.FEW, 0),
        ([*FIRST, *[[float(n * 60), 600.0] for n in range(6)]], Why.MANY, 11),
    ],
    ids=["four", "not-a-number", "twice-one-spot", "none", "eleven"],
)
def test_what_are_no_five_points(
    points: list[list[float]], expected: Why, count: int | None
) -> None:
    refused = why(points)

    assert refused.why is expected
    if expected is Why.FEW:
        assert refused.count == count


@pytest.mark.spec("stamps press 19")
def test_an_alike_pattern_is_no_new_stamp() -> None:
    shapes = [Pattern.of(1, T1).shape]

    assert generator.likeness(Pattern.of(3, T3).shape, shapes) == near(0.62)
    assert generator.likeness(Pattern.of(2, T2).shape, shapes) >= generator.UNLIKE_MM


def frames_of(*moments: tuple[float, int]) -> list[Frame]:
    """The first so many touches of vector 1 at each moment."""
    return [
        Frame(at, {name: (FIRST[name][0], FIRST[name][1]) for name in range(many)})
        for at, many in moments
    ]


def pressed(*moments: tuple[float, int], released: float | None = 400) -> Match:
    return recognise(Press(frames_of(*moments), released), BOOK)


@pytest.mark.spec("stamps press 20")
def test_a_series_of_touches_is_the_same_as_one_event() -> None:
    android = pressed((0, 1), (50, 2), (100, 3), (150, 4), (200, 5))

    assert android == pressed((0, 5), released=120)
    assert android == pressed((0, 5), (20, 5), (40, 5), (60, 5), released=500)
    assert android.key == 1


class TestTime:
    def test_all_down_in_time_and_long_enough(self) -> None:
        assert pressed((0, 1), (350, 5), released=430).key == 1

    @pytest.mark.parametrize(
        ("moments", "released", "timing"),
        [
            ([(0, 1), (351, 5)], 600, Timing.SLOW),
            ([(0, 5)], 79, Timing.SHORT),
            ([(0, 5)], 3001, Timing.LONG),
            ([(0, 5)], None, Timing.LONG),
        ],
        ids=["one-after-another", "lifted-at-once", "held", "never-lifted"],
    )
    def test_not_in_time(
        self, moments: list[tuple[float, int]], released: float | None, timing: Timing
    ) -> None:
        with pytest.raises(Unrecognised) as refused:
            pressed(*moments, released=released)

        assert (refused.value.why, refused.value.timing) == (Why.TIME, timing)

    def test_a_moving_object_is_no_stamp(self) -> None:
        frames = frames_of((0, 5), (50, 5))
        moved = {name: (x + 10, y) for name, (x, y) in frames[1].touches.items()}
        with pytest.raises(Unrecognised) as refused:
            recognise(Press([frames[0], Frame(50, moved)], 200), BOOK)

        assert refused.value.timing is Timing.MOVED

    def test_the_median_of_the_frames_counts(self) -> None:
        frames = frames_of((0, 5), (20, 5), (40, 5))
        jumped = dict(frames[1].touches) | {0: (FIRST[0][0] + 6, FIRST[0][1])}
        found = recognise(Press([frames[0], Frame(20, jumped), frames[2]], 200), BOOK)

        assert found.fit.residual == near(0.003)

    def test_what_lies_outside_the_area_does_not_count(self) -> None:
        frames = [
            Frame(at, dict(frame.touches) | {9: (500.0, 100.0)})
            for at, frame in enumerate(frames_of((0, 5), (20, 5)))
        ]
        found = recognise(Press(frames, 200, (400, 600)), BOOK)

        assert (found.key, found.is_stray) == (1, False)


class TestDevice:
    def test_the_size_learned_from_a_phone_narrows_what_is_taken(self) -> None:
        assert recognise_points(FIRST, BOOK, learned_scale=1.039).key == 1
        with pytest.raises(Unrecognised) as refused:
            recognise_points(FIRST, BOOK, learned_scale=1.05)

        assert refused.value.why is Why.SCALE


class TestFastPath:
    def test_never_excludes_what_fits(self) -> None:
        """The bound holds for all of 400 pairs of patterns, in both directions."""
        import random

        dice = random.Random(5)  # noqa: S311
        shapes = [Shape.of(points_of(generator.make_layout([], dice=dice)[0])) for _ in range(20)]
        for one in shapes:
            for other in shapes:
                assert least(one, other) <= fit(one, other).residual + 1e-9

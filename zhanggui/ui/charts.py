"""Charts as data: one description gives the picture and the table beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.html import json_script as django_json_script
from django.utils.safestring import SafeString

Text = str | Promise
Colour = Literal["cinnabar", "celadon", "amber", "plum", "indigo", "muted"]


@dataclass(frozen=True)
class Series:
    """One row of numbers, as long as the chart's labels."""

    name: Text
    values: Sequence[int | float]
    colour: Colour = "cinnabar"
    kind: Literal["bar", "line"] = "bar"
    stack: str = ""


@dataclass(frozen=True)
class Chart:
    """What a chart shows; ``unit`` stands at the axis and in the tooltip."""

    labels: Sequence[Text]
    series: Sequence[Series]
    unit: Text = ""

    @property
    def rows(self) -> list[tuple[Text, list[str]]]:
        """The same numbers for the table: a label and one written number a series."""
        return [
            (label, [_written(series.values[at]) for series in self.series])
            for at, label in enumerate(self.labels)
        ]


def _written(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def json_script(chart: Chart, element_id: str) -> SafeString:
    """The chart as an inert script element, escaped for HTML."""
    plain = {
        "labels": [str(label) for label in chart.labels],
        "unit": str(chart.unit),
        "series": [
            asdict(series) | {"name": str(series.name), "values": list(series.values)}
            for series in chart.series
        ],
    }
    return django_json_script(plain, element_id)

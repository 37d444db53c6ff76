"""What a plan can switch on: modules register their features, editions name them (P09)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a plan has or has not; rights name it in ``Permission.feature``."""

    name: str
    label: Text
    explanation: Text = ""
    order: int = 100


@dataclass(frozen=True, slots=True)
class Limited:
    """Something a plan allows so many of, for example staff."""

    name: str
    label: Text
    unit: Text = ""
    order: int = 100


_features: dict[str, Feature] = {}
_limits: dict[str, Limited] = {}


def register(*features: Feature) -> None:
    """Make features known; modules do so in ``apps.py``."""
    _features.update({feature.name: feature for feature in features})


def register_limit(*limits: Limited) -> None:
    """Make limits known; whoever registers one asks ``standing.refuse_beyond`` before adding."""
    _limits.update({limit.name: limit for limit in limits})


def known() -> list[Feature]:
    """All features, in the order of the price table."""
    return sorted(_features.values(), key=lambda feature: (feature.order, feature.name))


def limits() -> list[Limited]:
    """All limits, in the order of the price table."""
    return sorted(_limits.values(), key=lambda limit: (limit.order, limit.name))

"""The interface starts in Chinese and changes only when a person says so."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("cookie", "prefers", "language"),
    [
        ("", "", "zh-hans"),
        ("", "en-US,en;q=0.9", "zh-hans"),
        ("en", "zh-CN", "en"),
        ("zh-hans", "en", "zh-hans"),
        ("tlh", "en", "zh-hans"),
        ("../../etc", "en", "zh-hans"),
    ],
    ids=["nothing", "browser", "chosen-en", "chosen-zh", "unknown", "nonsense"],
)
def test_only_the_persons_choice_counts(cookie: str, prefers: str, language: str) -> None:
    client = Client(headers={"Accept-Language": prefers})
    if cookie:
        client.cookies["zhanggui_language"] = cookie

    answer = client.get("/healthz")

    assert answer.headers["Content-Language"] == language
    assert "Cookie" in answer.headers["Vary"]

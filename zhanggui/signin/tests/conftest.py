"""What tests of sign-in share: a phone to read codes on, pictures that can be solved."""

from __future__ import annotations

import pytest

from zhanggui.signin.tests.inbox import Inbox


@pytest.fixture
def inbox() -> Inbox:
    """What was written for phones and not yet handed over."""
    return Inbox()

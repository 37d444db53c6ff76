"""Writes ``docs/rights.md``: which preset role carries which right, read from the code.

python -m tools.rights           write the page
python -m tools.rights --check   fail when the page is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import django
from django.utils import translation

import tests.plugins.environment  # noqa: F401  settings for Django, nothing of this machine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rights.md"
HEAD = """# Who may do what

Made by `python -m tools.rights` from the `permissions.py` of each module. Beside these preset roles
each place makes its own. A support session has a manager's rights without those marked *not in
support*. Guards check rights at every door; a test walks all addresses with all roles.
"""


def main() -> int:
    """Write or check the page; answer the process status."""
    django.setup()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text():
            print("docs/rights.md is out of date: python -m tools.rights")
            return 1
        return 0
    PAGE.write_text(text(), encoding="utf-8")
    return 0


def text() -> str:
    """The page."""
    with translation.override("en"):
        return HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    from zhanggui.accounts import permissions  # noqa: PLC0415  needs Django's settings
    from zhanggui.accounts.models import Role, Tier, role_label  # noqa: PLC0415

    for tier in (Tier.MERCHANT, Tier.OPERATOR, Tier.PLATFORM):
        roles = permissions.PRESETS[tier]
        named = [role_label(role, tier) for role in roles]
        yield ""
        yield f"## {tier.label}"
        yield ""
        yield f"| right | what | {' | '.join(named)} |"
        yield f"| --- | --- |{' :-: |' * len(roles)}"
        for right in permissions.known(tier):
            what = str(right.label)
            if Role.MANAGER in right.roles and not right.in_support and tier == Tier.MERCHANT:
                what += " *(not in support)*"
            has = ["x" if right.name in permissions.of_role(r, tier=tier) else "" for r in roles]
            yield f"| `{right.name}` | {what} | {' | '.join(has)} |"


if __name__ == "__main__":
    sys.exit(main())

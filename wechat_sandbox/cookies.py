"""Each person's cookies, kept by the sandbox as the phone's own browser would."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from wechat_sandbox.store import Store


def header(store: Store, slug: str, path: str) -> str:
    """The Cookie header for a request to ``path``; the most specific cookies first."""
    rows = store.rows(
        "SELECT name, value, path FROM cookies WHERE slug = ?"
        " AND (expires_at IS NULL OR expires_at > ?) ORDER BY length(path) DESC, rowid",
        slug,
        time.time(),
    )
    return "; ".join(f"{row['name']}={row['value']}" for row in rows if _matches(path, row["path"]))


def _matches(path: str, of_cookie: str) -> bool:
    return path == of_cookie or path.startswith(of_cookie.rstrip("/") + "/")


def keep(store: Store, slug: str, set_cookie: str) -> None:
    """Remember (or forget) what one Set-Cookie header says."""
    first, *rest = set_cookie.split(";")
    name, equals, value = first.partition("=")
    name = name.strip()
    if not equals or not name:
        return
    attributes = {}
    for part in rest:
        key, _, text = part.partition("=")
        attributes[key.strip().lower()] = text.strip()
    path = attributes.get("path") or "/"
    if not path.startswith("/"):
        path = "/"
    expires_at = _end(attributes)
    if expires_at is not None and expires_at <= time.time():
        store.write(
            "DELETE FROM cookies WHERE slug = ? AND name = ? AND path = ?", slug, name, path
        )
        return
    store.insert(
        "cookies", slug=slug, name=name, path=path, value=value.strip(), expires_at=expires_at
    )


def _end(attributes: dict[str, str]) -> float | None:
    age = attributes.get("max-age")
    if age and age.lstrip("-").isdigit():
        return time.time() + int(age)
    if expires := attributes.get("expires"):
        try:
            return parsedate_to_datetime(expires.replace("-", " ")).timestamp()
        except ValueError:
            return None
    return None


def forget(store: Store, slug: str) -> int:
    """Empty one person's jar; returns how many cookies there were."""
    return store.write("DELETE FROM cookies WHERE slug = ?", slug)

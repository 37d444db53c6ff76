"""The control interface of the WeChat sandbox, as far as the demo needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from django.conf import settings

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_transports: list[httpx2.BaseTransport] = []


class Sandbox:
    """Calls to ``/_sandbox/api/``.

    Args:
        url: where the sandbox is.
        transport: replaces the network in tests.
    """

    def __init__(self, url: str, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = url
        self._http = httpx2.Client(
            base_url=f"{url}/_sandbox/api/", timeout=TIMEOUT, transport=transport
        )

    def put_account(self, app_id: str, values: Mapping[str, Any]) -> None:
        """Make an official account or change its settings."""
        self._call("PUT", f"accounts/{app_id}", values)

    def put_template(
        self, app_id: str, template: Mapping[str, Any], *, is_notice: bool = False
    ) -> None:
        """Give an account a template, of messages or of subscription notifications."""
        if is_notice:
            self._call("PUT", f"accounts/{app_id}/notices", [template])
        else:
            self._call("PUT", f"accounts/{app_id}", {"templates": [template]})

    def put_component(self, app_id: str, values: Mapping[str, Any]) -> None:
        """Make a third-party platform or change its settings."""
        self._call("PUT", f"components/{app_id}", values)

    def put_people(self, people: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Make or change people; answers where each one's phone is."""
        saved = self._call("PUT", "people", list(people))
        return {one["slug"]: one["phone_url"] for one in saved}

    def people(self) -> dict[str, Mapping[str, Any]]:
        """Everybody the sandbox knows."""
        return {one["slug"]: one for one in self._call("GET", "people")}

    def openids(self, app_id: str) -> dict[str, str]:
        """The openid of everybody at one account."""
        found: dict[str, str] = self._call("GET", f"openids?appid={app_id}")
        return found

    def follow(self, app_id: str, slugs: Sequence[str]) -> None:
        """Let people follow an account without telling the product."""
        self._call("POST", "follows", {"appid": app_id, "people": list(slugs)})

    def write(self, app_id: str, slug: str, text: str) -> None:
        """Let somebody write to an account; the push to the product runs in the background."""
        self._call(
            "POST", f"people/{slug}/messages", {"appid": app_id, "text": text, "wait": False}
        )

    def name_code(self, content: str, name: str) -> None:
        """Say what the QR code with this text is for."""
        self._call("PUT", "codes", {"content": content, "name": name})

    def forget_codes(self, app_id: str) -> None:
        """Take an account's QR codes off the list of what can be scanned."""
        self._call("DELETE", f"codes?appid={app_id}")

    def merchants(self) -> list[dict[str, str]]:
        """The merchant numbers of WeChat Pay with their keys."""
        found: list[dict[str, str]] = self._call("GET", "merchants")
        return found

    def open_merchant(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Open a merchant number; answers its keys."""
        made: dict[str, str] = self._call("POST", "merchants", values)
        return made

    def pay_order(self, mchid: str, number: str, slug: str) -> None:
        """Let somebody pay an order; the notification is delivered in the background."""
        path = f"merchants/{mchid}/orders/{number}/pay"
        self._call("POST", path, {"person": slug, "wait": False})

    def set_clock(self, offset_s: float) -> None:
        """Move the sandbox's time so far from the real one."""
        self._call("POST", "clock", {"offset_s": offset_s})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx2.HTTPError as error:
            message = f"the WeChat sandbox at {self.url} does not answer ({error})"
            raise DemoError(message) from error
        if not answer.is_success:
            message = f"the WeChat sandbox refused {method} {path}: {answer.text[:300]}"
            raise DemoError(message)
        return answer.json()


def current() -> Sandbox:
    """The sandbox of the settings.

    Raises:
        DemoError: none is set.
    """
    if not settings.SANDBOX_URL:
        message = "the demo needs the WeChat sandbox: set ZHANGGUI_SANDBOX_URL"
        raise DemoError(message)
    return Sandbox(settings.SANDBOX_URL, _transports[-1] if _transports else None)


@contextmanager
def using(transport: httpx2.BaseTransport) -> Iterator[None]:
    """Let every call go through another transport (tests)."""
    _transports.append(transport)
    try:
        yield
    finally:
        _transports.remove(transport)

"""A sandbox that only remembers: enough of its control interface and of WeChat for the fill."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import httpx2

from demo.tests.fake_pay import FakePaySide


class FakeSandbox:
    """Answers like the sandbox, from memory; ``calls`` is the log."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.components: dict[str, dict[str, Any]] = {}
        self.people: dict[str, dict[str, Any]] = {}
        self.follows: dict[str, set[str]] = {}
        self.calls: list[str] = []
        self.codes = 0
        self.names: dict[str, str] = {}
        self.templates: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.pay = FakePaySide()

    @property
    def transport(self) -> httpx2.MockTransport:
        """To be used in place of the network."""
        return httpx2.MockTransport(self._answer)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.calls.append(f"{request.method} {path}")
        body = json.loads(request.content) if request.content else None
        if "/api.mch.weixin.qq.com/" in path:
            return self.pay.answer(request)
        if "/cgi-bin/" in path or "/wxaapi/" in path:
            return httpx2.Response(200, json=self._wechat(path))
        return httpx2.Response(200, json=self._control(request, body))

    def _wechat(self, path: str) -> dict[str, Any]:
        if path.endswith("/stable_token"):
            return {"access_token": "token", "expires_in": 7200}
        if path.endswith("/get_all_private_template"):
            return {"template_list": self.templates}
        if path.endswith("/newtmpl/gettemplate"):
            return {"data": self.notices}
        if path.endswith("/tags/create"):
            return {"tag": {"id": 101, "name": "老顾客"}}
        if path.endswith("/menu/addconditional"):
            return {"menuid": "900"}
        self.codes += 1
        url = f"http://weixin.qq.com/q/{self.codes}"
        return {"ticket": f"ticket{self.codes}", "url": url, "expire_seconds": 86400}

    def _control(self, request: httpx2.Request, body: Any) -> Any:
        name = request.url.path.partition("/_sandbox/api/")[2]
        if name.startswith("merchants") or name == "clock":
            return self.pay.control(request.method, name, body)
        if self._keeps(name, body):
            return body
        kind, _, app_id = name.partition("/")
        if kind in {"accounts", "components"}:
            kept = self.accounts if kind == "accounts" else self.components
            kept[app_id] = body
            return body
        if name == "follows":
            self.follows.setdefault(body["appid"], set()).update(body["people"])
            return {"followed": len(body["people"])}
        if name == "openids":
            asked = request.url.params["appid"]
            return {slug: openid(asked, slug) for slug in self.people}
        if request.method == "PUT":
            self.people.update({one["slug"]: one for one in body})
        shown = body if request.method == "PUT" else self.people.values()
        return [{**one, "phone_url": f"http://{one['slug']}.localhost:8001/"} for one in shown]

    def _keeps(self, name: str, body: Any) -> bool:
        if name == "codes" and body:
            self.names[body["content"]] = body["name"]
            return True
        if name.endswith("/notices"):
            self.notices += [{**one, "priTmplId": one["template_id"], "type": 2} for one in body]
            return True
        if name.startswith("accounts/") and set(body) == {"templates"}:
            self.templates += body["templates"]
            return True
        return False


def openid(app_id: str, slug: str) -> str:
    """What the fake calls a person at an account."""
    return "o" + sha256(f"{app_id} {slug}".encode()).hexdigest()[:27]

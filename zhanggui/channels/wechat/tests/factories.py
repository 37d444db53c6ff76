"""Smallest valid rows of this channel, and a WeChat that answers as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import httpx2
from django.test import Client
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.models import Merchant, Operator, Person, Tier
from zhanggui.accounts.sessions import SINCE_KEY
from zhanggui.accounts.tests.factories import make_person
from zhanggui.channels.wechat import client as wechat_client
from zhanggui.channels.wechat.guards import ACCOUNT_KEY
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    Component,
    Kind,
    PersonIdentity,
    SceneCode,
    Way,
)
from zhanggui.core import clock

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TOKEN = "pamtest"
SECRET = "0123456789abcdef0123456789abcdef"
PHONE_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50 NetType/WIFI Language/zh_CN"
)
_numbers = count(1)


def make_account(
    *,
    merchant: Merchant | None = None,
    operator: Operator | None = None,
    app_id: str = "",
    name: str = "茶舍",
    kind: Kind = Kind.OFFICIAL,
) -> ChannelAccount:
    """A connected account: of a merchant, of an operator, else of the platform."""
    tier = Tier.MERCHANT if merchant else Tier.OPERATOR if operator else Tier.PLATFORM
    account = ChannelAccount(
        tier=tier,
        merchant=merchant,
        operator=operator,
        kind=kind,
        app_id=app_id or f"wxsb{next(_numbers):014d}",
        original_id=f"gh_{next(_numbers):012d}",
        name=name,
    )
    account.seal("secret", SECRET)
    account.seal("callback_token", TOKEN)
    account.seal("aes_key", AES_KEY)
    account.save()
    return account


COMPONENT_TOKEN = "componenttoken"
COMPONENT_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg"


def make_component(*, app_id: str = "", ticket: str = "ticket@@@1") -> Component:
    """A third-party platform in use that has a ticket."""
    component = Component(app_id=app_id or f"wxsbc{next(_numbers):013d}", name="掌柜平台")
    component.seal("secret", SECRET)
    component.seal("callback_token", COMPONENT_TOKEN)
    component.seal("aes_key", COMPONENT_KEY)
    if ticket:
        component.seal("ticket", ticket)
        component.ticket_at = clock.now() - timedelta(minutes=10)
    component.save()
    return component


def make_authorised(
    component: Component,
    *,
    merchant: Merchant | None = None,
    app_id: str = "",
    refresh_token: str = "refresh-1",
    **values: Any,
) -> ChannelAccount:
    """A merchant's account that authorised the platform an hour ago."""
    account = ChannelAccount(
        tier=Tier.MERCHANT if merchant else Tier.PLATFORM,
        merchant=merchant,
        app_id=app_id or f"wxsb{next(_numbers):014d}",
        original_id=f"gh_{next(_numbers):012d}",
        name="茶舍",
        way=Way.AUTHORISED,
        component=component,
        authorised_at=clock.now() - timedelta(hours=1),
        **values,
    )
    account.seal("refresh_token", refresh_token)
    account.save()
    return account


def make_scene_code(account: ChannelAccount, purpose: str, **values: Any) -> SceneCode:
    """A code that was given out."""
    scene = f"scene{next(_numbers)}"
    return SceneCode.objects.create(
        account=account, scene=scene, purpose=purpose, url="http://weixin.qq.com/q/x", **values
    )


def make_identity(
    account: ChannelAccount, *, person: Person | None = None, openid: str = "", nickname: str = ""
) -> PersonIdentity:
    """A person of the staff known by an openid of the platform's account."""
    return PersonIdentity.objects.create(
        person=person or make_person("周店长", phone=None),
        account=account,
        openid=openid or f"staff-{next(_numbers)}",
        nickname=nickname,
    )


def sign_in_staff(client: Client, identity: PersonIdentity) -> None:
    """Give a browser the session of somebody who signed in through the platform's account."""
    client.force_login(identity.person)
    session = client.session
    session[ACCOUNT_KEY] = identity.account_id
    session[SINCE_KEY] = clock.now().isoformat()
    session.save()


Answer = dict[str, Any] | Exception | httpx2.Response
Answers = Answer | list[Answer] | Callable[[httpx2.Request], Answer]


@dataclass
class FakeWechat:
    """Answers calls by path; a list is used up one by one, its last answer stays."""

    answers: dict[str, Answers] = field(default_factory=dict)
    calls: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.calls.append(request)
        path = request.url.path.removeprefix("/api.weixin.qq.com")
        answer = self.answers.get(path)
        if callable(answer):
            answer = answer(request)
        elif isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            message = f"no answer for {path}"
            raise AssertionError(message)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        text = json.dumps(answer, ensure_ascii=False)
        return httpx2.Response(200, content=text.encode(), headers={"Content-Type": "text/plain"})

    def paths(self) -> list[str]:
        """What was called, in order."""
        return [call.url.path.removeprefix("/api.weixin.qq.com") for call in self.calls]

    def body(self, at: int = -1) -> Any:
        """The JSON of one call."""
        return json.loads(self.calls[at].content)


TOKEN_PATH = "/cgi-bin/stable_token"
GRANT_PATH = "/sns/oauth2/access_token"
PROFILE_PATH = "/sns/userinfo"
QR_PATH = "/cgi-bin/qrcode/create"
TEXT_PATH = "/cgi-bin/message/custom/send"
TEMPLATE_PATH = "/cgi-bin/message/template/send"
COMPONENT_TOKEN_PATH = "/cgi-bin/component/api_component_token"
PRE_AUTH_PATH = "/cgi-bin/component/api_create_preauthcode"
QUERY_AUTH_PATH = "/cgi-bin/component/api_query_auth"
RENEW_PATH = "/cgi-bin/component/api_authorizer_token"
INFO_PATH = "/cgi-bin/component/api_get_authorizer_info"
LIST_PATH = "/cgi-bin/component/api_get_authorizer_list"
START_TICKET_PATH = "/cgi-bin/component/api_start_push_ticket"
USUAL: dict[str, Answers] = {
    COMPONENT_TOKEN_PATH: {"component_access_token": "component-1", "expires_in": 7200},
    PRE_AUTH_PATH: {"pre_auth_code": "preauthcode@@@1", "expires_in": 600},
    RENEW_PATH: {
        "authorizer_access_token": "renewed-1",
        "expires_in": 7200,
        "authorizer_refresh_token": "refresh-2",
    },
    START_TICKET_PATH: {"errcode": 0, "errmsg": "ok"},
    TOKEN_PATH: {"access_token": "token-1", "expires_in": 7200},
    QR_PATH: {"ticket": "T", "url": "http://weixin.qq.com/q/abc", "expire_seconds": 86400},
    TEXT_PATH: {"errcode": 0, "errmsg": "ok"},
    TEMPLATE_PATH: {"errcode": 0, "errmsg": "ok", "msgid": 200228332},
}


@contextmanager
def fake_wechat(**answers: Any) -> Iterator[FakeWechat]:
    """Let all calls be answered by a fake; by default everything works."""
    fake = FakeWechat({**USUAL, **answers})
    with wechat_client.using(httpx2.MockTransport(fake)):
        yield fake


def run_jobs(queue: str = "wechat", *, rounds: int = 5) -> int:
    """Run the jobs that were deferred, in order, inside the test's own transaction."""
    done: set[int] = set()
    for _round in range(rounds):
        waiting = ProcrastinateJob.objects.filter(queue_name=queue).exclude(pk__in=done)
        jobs = list(waiting.order_by("pk"))
        if not jobs:
            break
        for job in jobs:
            done.add(job.pk)
            run_job(job)
    return len(done)


def run_job(job: ProcrastinateJob, *, attempts: int = 0) -> None:
    """Run one job as the worker would."""
    from procrastinate import JobContext
    from procrastinate.jobs import Job

    task = app.tasks[job.task_name]
    if not task.pass_context:
        task.func(**job.args)
        return
    described = Job(
        id=job.pk,
        queue=job.queue_name,
        lock=None,
        queueing_lock=None,
        task_name=job.task_name,
        task_kwargs=job.args,
        attempts=attempts,
    )
    task.func(
        JobContext(app=app, job=described, start_timestamp=0, abort_reason=lambda: None), **job.args
    )

"""Token, quota and address calls of api.weixin.qq.com (digest 1.5 and 4.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from wechat_sandbox import components, lines
from wechat_sandbox.played import tokens
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import ENDPOINTS, Answer, Call, count_use, daily_limit, endpoint

RESETS_A_MONTH = 10
FORCED_A_DAY = 20


@endpoint("/cgi-bin/token", method="GET", needs_token=False)
def token(call: Call) -> Answer:
    """A new plain token."""
    account = tokens.check_credentials(
        call.world,
        appid=call.query("appid"),
        secret=call.query("secret"),
        grant_type=call.query("grant_type"),
        wanted="client_credential",
        ip=call.ip,
    )
    count_use(call.world, account.appid, "/cgi-bin/token", 2000)
    value, seconds = tokens.fresh_plain(call.world, account)
    return {"access_token": value, "expires_in": seconds}


@endpoint("/cgi-bin/stable_token", needs_token=False)
def stable_token(call: Call) -> Answer:
    """The stable token, or a forced new one."""
    body = call.body
    force = body.get("force_refresh", False)
    account = tokens.check_credentials(
        call.world,
        appid=body.get("appid"),
        secret=body.get("secret"),
        grant_type=body.get("grant_type"),
        wanted="client_credential",
        ip=call.ip,
    )
    if not isinstance(force, bool):
        raise Refusal(47001)
    count_use(call.world, account.appid, "/cgi-bin/stable_token", 500_000)
    if force:
        count_use(call.world, account.appid, "/cgi-bin/stable_token#force", FORCED_A_DAY)
    value, seconds = tokens.stable(call.world, account, force=force)
    return {"access_token": value, "expires_in": seconds}


@endpoint("/cgi-bin/getcallbackip", method="GET")
def callback_ips(call: Call) -> Answer:
    """From where pushes come."""
    return {"ip_list": ["127.0.0.1"]}


@endpoint("/cgi-bin/get_api_domain_ip", method="GET")
def api_ips(call: Call) -> Answer:
    """Where calls go."""
    return {"ip_list": ["127.0.0.1"]}


@endpoint("/cgi-bin/callback/check")
def check_callback(call: Call) -> Answer:
    """Whether WeChat reaches the account's server: names and pings of the callback host."""
    action, operator = call.body.get("action"), call.body.get("check_operator")
    if action not in ("dns", "ping", "all"):
        raise Refusal(40035)
    if operator not in ("CHINANET", "UNICOM", "CAP", "DEFAULT"):
        raise Refusal(40035)
    line = components.line(call.world, call.account) or lines.of_account(call.account)
    host = urlsplit(line.url).hostname or ""
    dns = [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}] if host else []
    ping = [
        {"ip": one["ip"], "from_operator": operator, "package_loss": "0%", "time": "1.000ms"}
        for one in dns
    ]
    found: Answer = {}
    if action != "ping":
        found["dns"] = dns
    if action != "dns":
        found["ping"] = ping
    return found


@endpoint("/cgi-bin/openapi/rid/get")
def failed_call(call: Call) -> Answer:
    """One failed call of this account by the number in its error text."""
    row = call.world.store.row(
        "SELECT * FROM rids WHERE rid = ? AND appid = ?",
        str(call.body.get("rid", "")),
        call.account.appid,
    )
    if row is None:
        raise Refusal(76001)
    return call.answered(
        request={
            "invoke_time": row["at"],
            "cost_in_ms": 1,
            "request_url": row["path"],
            "request_body": row["body"],
            "response_body": row["answer"],
            "client_ip": row["ip"],
        }
    )


@endpoint("/cgi-bin/openapi/quota/get")
def quota(call: Call) -> Answer:
    """How much of a day's quota is used."""
    path = call.body.get("cgi_path")
    found = ENDPOINTS.get(path) if isinstance(path, str) else None
    if not isinstance(path, str) or found is None:
        raise Refusal(76003)
    limit = daily_limit(call.world, call.account.appid, path, found.daily) or 0
    row = call.world.store.row(
        "SELECT used FROM quota_used WHERE appid = ? AND path = ? AND day = ?",
        call.account.appid,
        path,
        call.world.clock.day(),
    )
    used = row["used"] if row else 0
    return {
        "errcode": 0,
        "errmsg": "ok",
        "quota": {"daily_limit": limit, "used": used, "remain": max(limit - used, 0)},
    }


def _clear(call: Call, appid: str) -> Answer:
    store, month = call.world.store, call.world.clock.day()[:7]
    done = store.write(
        "INSERT INTO quota_used (appid, path, day, used) VALUES (?, 'clear_quota', ?, 1)"
        " ON CONFLICT (appid, path, day) DO UPDATE SET used = used + 1 WHERE used < ?",
        appid,
        month,
        RESETS_A_MONTH,
    )
    if not done:
        raise Refusal(48006)
    store.write("DELETE FROM quota_used WHERE appid = ? AND path <> 'clear_quota'", appid)
    return {"errcode": 0, "errmsg": "ok"}


@endpoint("/cgi-bin/clear_quota")
def clear_quota(call: Call) -> Answer:
    """Start today's counting again."""
    if call.body.get("appid") != call.account.appid:
        raise Refusal(40013)
    return _clear(call, call.account.appid)


@endpoint("/cgi-bin/clear_quota/v2", needs_token=False)
def clear_quota_by_secret(call: Call) -> Answer:
    """Start today's counting again, without a token."""
    account = tokens.check_credentials(
        call.world,
        appid=call.body.get("appid"),
        secret=call.body.get("appsecret"),
        grant_type="",
        wanted="",
        ip=call.ip,
    )
    return _clear(call, account.appid)

"""Calls of a third-party platform (digest 3.3 to 3.13)."""

from __future__ import annotations

from typing import Any

from wechat_sandbox import accounts, authorising, components, tickets
from wechat_sandbox.accounts import Account
from wechat_sandbox.components import Authorisation, Component
from wechat_sandbox.played import tokens
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, check_component_ip, count_use, endpoint
from wechat_sandbox.store import add_tables

MOST_LISTED = 500
OPTIONS = {"location_report": ("0", "1", "2"), "voice_recognize": ("0", "1"),
           "customer_service": ("0", "1")}  # fmt: skip
SERVICE_TYPES = {"subscription_unverified": 0, "subscription": 0, "service": 2, "mini": 0}
ROOT = "/cgi-bin/component"

add_tables(
    """
CREATE TABLE authorizer_options (
    appid TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (appid, name)
);
"""
)


def _by_secret(call: Call, secret_name: str) -> Component:
    """The platform whose credentials stand in the body."""
    body = call.body
    found = components.find(call.world.store, body.get("component_appid"))
    if found is None:
        raise Refusal(61011)
    if not body.get(secret_name):
        raise Refusal(41004)
    if body[secret_name] != found.secret:
        raise Refusal(40125)
    check_component_ip(call, found)
    return found


@endpoint(f"{ROOT}/api_component_token", needs_token=False)
def component_token(call: Call) -> Answer:
    """The platform's own token for its secret and the newest ticket."""
    component = _by_secret(call, "component_appsecret")
    ticket = call.body.get("component_verify_ticket")
    if errcode := tickets.errcode_of(call.world, component, ticket):
        raise Refusal(errcode)
    count_use(call.world, component.appid, f"{ROOT}/api_component_token", 2000)
    value, seconds = tokens.fresh_of_component(call.world, component)
    return {"component_access_token": value, "expires_in": seconds}


@endpoint(f"{ROOT}/api_start_push_ticket", needs_token=False)
def start_push_ticket(call: Call) -> Answer:
    """Let the tickets come again; the first one at once."""
    component = _by_secret(call, "component_secret")
    call.world.store.write(
        "UPDATE components SET sends_tickets = 1, ticket_due = 0 WHERE appid = ?", component.appid
    )
    call.world.pusher.in_background(tickets.push_due(call.world))
    return call.answered()


@endpoint(f"{ROOT}/api_create_preauthcode", of_component=True)
def create_preauthcode(call: Call) -> Answer:
    """A code for one visit to the authorisation page."""
    code = authorising.new_pre_auth_code(call.world, call.component)
    return {"pre_auth_code": code, "expires_in": authorising.PRE_AUTH_LIFE_S}


def func_info(func_ids: tuple[int, ...]) -> list[dict[str, Any]]:
    """Permission sets as WeChat tells them."""
    confirm = {"need_confirm": 0, "already_confirm": 0, "can_confirm": 0}
    return [{"funcscope_category": {"id": one}, "confirm_info": confirm} for one in func_ids]


@endpoint(f"{ROOT}/api_query_auth", of_component=True)
def query_auth(call: Call) -> Answer:
    """Tokens and permission sets for an authorisation code, once."""
    used = authorising.use_code(call.world, call.component, call.body.get("authorization_code"))
    if isinstance(used, int):
        raise Refusal(used)
    account, given = _authorised(call, used["appid"])
    info: Answer = {"authorizer_appid": account.appid, "func_info": func_info(given.func_ids)}
    # An account that gave no rights to call gets a platform no tokens.
    if given.func_ids:
        refresh = authorising.new_refresh_token(call.world, call.component, account.appid)
        value, seconds = tokens.fresh_of_authorizer(call.world, account, call.component)
        info |= {
            "authorizer_access_token": value,
            "expires_in": seconds,
            "authorizer_refresh_token": refresh,
        }
    return {"authorization_info": info}


def _authorised(call: Call, appid: object) -> tuple[Account, Authorisation]:
    account = accounts.find(call.world.store, appid) if isinstance(appid, str) else None
    if account is None:
        raise Refusal(40013)
    given = components.authorisation(call.world.store, call.component.appid, account.appid)
    if given is None or not given.is_on:
        raise Refusal(61003)
    return account, given


@endpoint(f"{ROOT}/api_authorizer_token", of_component=True)
def authorizer_token(call: Call) -> Answer:
    """A new token of an account for the refresh token the platform keeps."""
    account, given = _authorised(call, call.body.get("authorizer_appid"))
    refresh = given.refresh_token
    if not refresh or call.body.get("authorizer_refresh_token") != refresh:
        raise Refusal(61023)
    if call.component.rotates_refresh:
        refresh = authorising.new_refresh_token(call.world, call.component, account.appid)
    value, seconds = tokens.fresh_of_authorizer(call.world, account, call.component)
    return {
        "authorizer_access_token": value,
        "expires_in": seconds,
        "authorizer_refresh_token": refresh,
    }


@endpoint(f"{ROOT}/api_get_authorizer_info", of_component=True)
def authorizer_info(call: Call) -> Answer:
    """Name, kind and permission sets of an account."""
    account, given = _authorised(call, call.body.get("authorizer_appid"))
    public = call.world.config.public
    info: Answer = {
        "nick_name": account.name,
        "head_img": f"{public}/wx.qlogo.cn/mmhead/{account.appid}/0",
        "service_type_info": {"id": SERVICE_TYPES[account.kind]},
        "verify_type_info": {"id": -1 if account.kind == "subscription_unverified" else 0},
        "user_name": account.original_id,
        "principal_name": account.principal or account.name,
        "alias": "",
        "signature": account.about,
        "business_info": {
            "open_store": 0, "open_scan": 0, "open_pay": 0, "open_card": 0, "open_shake": 0,
        },
        "qrcode_url": f"{public}/mp.weixin.qq.com/cgi-bin/accountcode?appid={account.appid}",
        "account_status": 1,
    }  # fmt: skip
    if account.is_mini:
        hosts = [f"https://{one}" for one in account.js_domains]
        info["MiniProgramInfo"] = {
            "network": {
                "RequestDomain": hosts, "WsRequestDomain": [], "UploadDomain": hosts,
                "DownloadDomain": hosts, "BizDomain": [], "UDPDomain": [],
            },
            "categories": [{"first": "生活服务", "second": "综合生活服务平台"}],
            "visit_status": 0,
        }  # fmt: skip
    about: Answer = {"authorizer_appid": account.appid, "func_info": func_info(given.func_ids)}
    if given.refresh_token:
        about["authorizer_refresh_token"] = given.refresh_token
    return {"authorizer_info": info, "authorization_info": about}


@endpoint(f"{ROOT}/api_get_authorizer_list", of_component=True)
def authorizer_list(call: Call) -> Answer:
    """The accounts in the platform's hands, up to 500 at a time."""
    offset, count = call.body.get("offset", 0), call.body.get("count", 100)
    if not isinstance(count, int) or not 1 <= count <= MOST_LISTED:
        raise Refusal(40170)
    if not isinstance(offset, int) or offset < 0:
        raise Refusal(40097)
    held = components.authorisations(call.world.store, component=call.component.appid)
    return {
        "total_count": len(held),
        "list": [
            {
                "authorizer_appid": one.appid,
                **({"refresh_token": one.refresh_token} if one.refresh_token else {}),
                "auth_time": int(one.at),
            }
            for one in held[offset : offset + count]
        ],
    }


def _option(call: Call, appid: str) -> Answer:
    name = call.body.get("option_name")
    if name not in OPTIONS:
        raise Refusal(61451)
    row = call.world.store.row(
        "SELECT value FROM authorizer_options WHERE appid = ? AND name = ?", appid, name
    )
    return {
        "authorizer_appid": appid,
        "option_name": name,
        "option_value": row["value"] if row else "0",
    }


def _set_option(call: Call, appid: str) -> Answer:
    name, value = call.body.get("option_name"), call.body.get("option_value")
    if name not in OPTIONS or str(value) not in OPTIONS[name]:
        raise Refusal(61451)
    call.world.store.insert("authorizer_options", appid=appid, name=name, value=str(value))
    return call.answered()


@endpoint(f"{ROOT}/api_get_authorizer_option", of_component=True)
def get_option(call: Call) -> Answer:
    """One option of an account, the old way with the platform's token."""
    return _option(call, _authorised(call, call.body.get("authorizer_appid"))[0].appid)


@endpoint(f"{ROOT}/api_set_authorizer_option", of_component=True)
def set_option(call: Call) -> Answer:
    """Set one option of an account, the old way with the platform's token."""
    return _set_option(call, _authorised(call, call.body.get("authorizer_appid"))[0].appid)


@endpoint(f"{ROOT}/get_authorizer_option")
def get_own_option(call: Call) -> Answer:
    """One option of an account, with the token the platform has of it."""
    return _option(call, call.account.appid)


@endpoint(f"{ROOT}/set_authorizer_option")
def set_own_option(call: Call) -> Answer:
    """Set one option of an account, with the token the platform has of it."""
    return _set_option(call, call.account.appid)


@endpoint(f"{ROOT}/clear_quota/v2", needs_token=False)
def clear_quota(call: Call) -> Answer:
    """Start today's counting of the platform again."""
    component = _by_secret(call, "appsecret")
    call.world.store.write("DELETE FROM quota_used WHERE appid = ?", component.appid)
    return call.answered()


def by_own_token(call: Call, capability: str) -> Account:
    """The account of a call under ``/sns/``, which names account and platform in its query.

    Raises:
        Refusal: 41002, 40013, 61011, 41001, 40001, 42001, 61003, 61007 in this order.
    """
    appid = call.query("appid")
    if not appid:
        raise Refusal(41002)
    account = accounts.find(call.world.store, appid)
    if account is None:
        raise Refusal(40013)
    component = components.find(call.world.store, call.query("component_appid"))
    if component is None:
        raise Refusal(61011)
    if tokens.component_of(call.world, call.query("component_access_token")) != component:
        raise Refusal(40001)
    given = components.authorisation(call.world.store, component.appid, account.appid)
    if given is None or not given.is_on:
        raise Refusal(61003)
    if not given.allows(capability):
        raise Refusal(61007)
    return account

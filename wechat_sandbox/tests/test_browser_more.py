from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import expect

from wechat_sandbox import jssdk
from wechat_sandbox.tests.factories import APPID, PLATFORM, PLATFORM_SECRET, PRODUCT, Shop
from wechat_sandbox.tests.hindrances import hindrances
from wechat_sandbox.tests.test_browser import Desk, desk, page

__all__ = ["desk", "page"]

NOTICE = "notice-of-the-browser-01"
MINI = "wxsbmini0001"


def control(desk: Desk, method: str, path: str, body: Any) -> Any:
    return desk.call(method, f"/_sandbox/api/{path}", body)


def follow(desk: Desk) -> None:
    control(desk, "POST", "people/lin/follow", {"appid": APPID, "silent": True})


def test_an_account_is_given_to_a_platform_and_taken_back(desk: Desk, shop: Shop) -> None:
    public = desk.url
    platform = {
        "name": "掌柜平台",
        "secret": PLATFORM_SECRET,
        "login_domains": ["127.0.0.1:8000"],
        "checks_referer": False,
        "sends_tickets": False,
    }
    control(desk, "PUT", f"components/{PLATFORM}", platform)
    ticket = control(desk, "POST", f"components/{PLATFORM}/ticket", {"push": False})["ticket"]
    api = "/api.weixin.qq.com/cgi-bin/component"
    given = {
        "component_appid": PLATFORM,
        "component_appsecret": PLATFORM_SECRET,
        "component_verify_ticket": ticket,
    }
    value = desk.call("POST", f"{api}/api_component_token", given)["component_access_token"]
    path = f"{api}/api_create_preauthcode?component_access_token={value}"
    code = desk.call("POST", path, {"component_appid": PLATFORM})["pre_auth_code"]
    back = f"{public}/_sandbox/health"
    control(desk, "PUT", f"components/{PLATFORM}", {"login_domains": [public[7:]]})
    pc = desk.page
    pc.goto(
        f"{public}/mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid={PLATFORM}"
        f"&pre_auth_code={code}&redirect_uri={back}&auth_type=3"
    )
    expect(pc.get_by_text("等待扫码")).to_be_visible()

    phone = pc.context.new_page()
    port = desk.sandbox.world.config.port
    phone.goto(f"http://lin.localhost:{port}/_phone/")
    phone.get_by_role("button", name="扫一扫").first.click()
    phone.get_by_role("button", name=re.compile("授权给 掌柜平台")).click()
    web = phone.frame_locator("iframe.web")
    expect(web.get_by_text("平台将获得以下权限")).to_be_visible()
    expect(pc.get_by_text("请在手机上确认")).to_be_visible(timeout=3000)
    web.get_by_label("微信卡券").uncheck()
    web.get_by_role("button", name="确认授权").click()
    expect(web.get_by_text("授权成功")).to_be_visible()
    pc.wait_for_url(re.compile(r"[?&]auth_code="))

    pc.goto(f"{public}/_sandbox/open")
    expect(pc.get_by_text("10 个权限集")).to_be_visible()
    phone.evaluate("sessionStorage.clear()")
    phone.goto(f"http://lin.localhost:{port}/_phone/")
    phone.get_by_role("button", name="我", exact=True).click()
    phone.get_by_role("button", name=re.compile("公众号助手")).click()
    expect(phone.get_by_text("自定义菜单")).to_be_visible()
    phone.get_by_role("button", name="取消授权").click()
    phone.get_by_role("dialog").get_by_role("button", name="取消授权").click()
    expect(phone.get_by_text("没有授权给任何第三方平台")).to_be_visible()


JS_PAGE = """<!doctype html><title>js</title>
<script src="{public}/res.wx.qq.com/open/js/jweixin-1.6.0.js"></script>
<button id="scan">scan</button><button id="photo">photo</button>
<button id="place">place</button><p id="out"></p>
<wx-open-subscribe id="sub" template="{notice}">
<script type="text/wxtag-template"><button>订阅</button></script></wx-open-subscribe>
<script>
const out = document.getElementById("out");
const say = (text) => {{ out.textContent = text; }};
wx.config({{ appId: "{appid}", timestamp: 1700000000, nonceStr: "n", signature: "{signature}",
  jsApiList: ["scanQRCode", "chooseImage", "uploadImage", "updateAppMessageShareData",
    "getLocation"],
  openTagList: ["wx-open-subscribe"] }});
wx.ready(() => {{ say("ready"); wx.updateAppMessageShareData({{ title: "柠檬茶集章卡",
  desc: "集满十个换一杯", link: location.origin + "/card",
  imgUrl: location.origin + "/a.png" }}); }});
wx.error((problem) => say(problem.errMsg));
document.getElementById("scan").onclick = () => wx.scanQRCode({{ needResult: 1,
  success: (found) => say(found.resultStr), fail: (found) => say(found.errMsg) }});
const sent = (found) => say("media " + found.serverId);
const upload = (localId) => wx.uploadImage({{ localId, success: sent }});
document.getElementById("photo").onclick = () =>
  wx.chooseImage({{ count: 1, success: (chosen) => upload(chosen.localIds[0]) }});
document.getElementById("place").onclick = () => wx.getLocation({{ type: "gcj02",
  success: (found) => say([found.latitude, found.longitude, found.accuracy].join()),
  fail: (found) => say(found.errMsg) }});
const told = (event) => say(event.detail.subscribeDetails);
document.getElementById("sub").addEventListener("success", told);
</script>"""


def js_page(desk: Desk, shop: Shop, *, signed: str) -> None:
    control(desk, "PUT", f"accounts/{APPID}", {"js_domains": ["127.0.0.1:8000"]})
    notice = [{"template_id": NOTICE, "title": "订单通知", "content": "店:{{thing1.DATA}}"}]
    control(desk, "PUT", f"accounts/{APPID}/notices", notice)
    world = desk.sandbox.world
    ticket, _ = jssdk.ticket(world, world.account(APPID), "jsapi")
    shop.pages["/js"] = JS_PAGE.format(
        public=desk.url,
        appid=APPID,
        notice=NOTICE,
        signature=jssdk.signature(ticket, "n", "1700000000", signed),
    )


def test_js_sdk_in_the_phones_browser(desk: Desk, shop: Shop) -> None:
    js_page(desk, shop, signed=f"{PRODUCT}/js?a=1")
    page = desk.page
    page.goto(f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/?open=/js?a=1")
    web = page.frame_locator("iframe.web")
    out = web.locator("#out")
    expect(out).to_have_text("ready")

    web.locator("#scan").click()
    page.get_by_label("二维码内容").fill("6901234567892")
    page.get_by_role("button", name="识别", exact=True).click()
    expect(out).to_have_text("CODE_128,6901234567892")

    web.locator("#photo").click()
    page.get_by_role("button", name="拍一张示例照片").click()
    expect(out).to_contain_text("media ")

    page.get_by_role("button", name="更多").click()
    page.get_by_role("button", name="发送给朋友：柠檬茶集章卡").click()
    page.get_by_role("dialog").get_by_role("button", name="陈思远").click()
    expect(page.get_by_text("已发送")).to_be_visible()
    friend = page.context.new_page()
    friend.goto(f"http://chen.localhost:{desk.sandbox.world.config.port}/_phone/")
    friend.get_by_role("button", name=re.compile("林小满")).click()
    expect(friend.get_by_text("集满十个换一杯")).to_be_visible()
    friend.close()

    web.get_by_role("button", name="订阅").click()
    expect(page.get_by_text("订单通知")).to_be_visible()
    page.get_by_role("button", name="允许").click()
    expect(out).to_contain_text("accept")


def test_a_page_asks_where_the_phone_is(desk: Desk, shop: Shop) -> None:
    js_page(desk, shop, signed=f"{PRODUCT}/js")
    page, phone = desk.page, f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/"
    web = page.frame_locator("iframe.web")
    out = web.locator("#out")

    def ask(answer: str) -> None:
        page.goto(f"{phone}?open=/js")
        expect(out).to_have_text("ready")
        web.locator("#place").click()
        page.get_by_role("button", name=answer, exact=True).click()

    ask("拒绝")
    expect(out).to_have_text("getLocation:fail auth deny")
    ask("允许")
    expect(out).to_have_text("30.2553,120.1648,65")

    page.evaluate("sessionStorage.clear()")
    page.goto(phone)
    page.get_by_role("button", name="我", exact=True).click()
    page.get_by_role("button", name=re.compile("所在位置")).click()
    page.get_by_role("button", name="萧山机场").click()
    expect(page.get_by_role("button", name=re.compile("所在位置"))).to_contain_text("萧山机场")
    ask("允许")
    expect(out).to_have_text("30.236,120.4346,65")


def test_a_wrong_signature_is_told(desk: Desk, shop: Shop) -> None:
    js_page(desk, shop, signed=f"{PRODUCT}/other")
    desk.page.goto(f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/?open=/js")

    out = desk.page.frame_locator("iframe.web").locator("#out")
    expect(out).to_have_text("config:invalid signature")


def test_chat_menu_and_mini_program(desk: Desk, shop: Shop) -> None:
    control(desk, "PUT", f"accounts/{MINI}", {"name": "拾光点单", "kind": "mini"})
    menu = [
        {"type": "scancode_waitmsg", "name": "扫码报修", "key": "FIX"},
        {"type": "location_select", "name": "发位置", "key": "LOC"},
    ]
    control(desk, "PUT", f"accounts/{APPID}", {"menu": menu})
    follow(desk)
    page = desk.page
    page.goto(f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/")
    page.get_by_text("拾光茶饮").click()
    page.get_by_role("button", name="扫码报修").click()
    page.get_by_label("二维码内容").fill("SN-1001")
    page.get_by_role("button", name="识别", exact=True).click()
    expect(page.get_by_text("消息接收中")).to_be_visible()
    page.get_by_role("button", name="发位置").click()
    page.get_by_role("button", name="白云山").click()
    expect(page.locator(".mine")).to_contain_text("白云山")
    page.get_by_role("button", name="切换到输入框").click()
    page.get_by_role("button", name="更多", exact=True).click()
    page.get_by_role("button", name="图片", exact=True).click()
    page.get_by_role("button", name="拍一张示例照片").click()
    expect(page.locator(".picture img")).to_be_visible()
    account = desk.sandbox.world.account(APPID)
    found = [one.opened(account) for one in shop.pushes]
    assert [one.get("Event", one["MsgType"]) for one in found] == [
        "scancode_waitmsg",
        "location_select",
        "location",
        "image",
    ]

    page.evaluate("sessionStorage.clear()")
    page.reload()
    page.get_by_role("button", name="发现").click()
    page.get_by_role("button", name="小程序").click()
    page.get_by_text("拾光点单").click()
    expect(page.get_by_text("沙箱不运行小程序的代码")).to_be_visible()
    page.get_by_role("button", name=re.compile("登录")).click()
    expect(page.get_by_text("js_code")).to_be_visible()
    page.get_by_role("button", name=re.compile("授权手机号")).click()
    page.get_by_role("button", name="允许").click()
    expect(page.get_by_text("手机号 code")).to_be_visible()


def test_notices_stand_in_a_chat_of_their_own(desk: Desk) -> None:
    notice = [{"template_id": NOTICE, "title": "订单通知", "content": "店:{{thing1.DATA}}"}]
    control(desk, "PUT", f"accounts/{APPID}/notices", notice)
    choices = {"appid": APPID, "choices": {NOTICE: "accept"}}
    control(desk, "POST", "people/lin/notices/decide", choices)
    openid = desk.call("GET", f"/_sandbox/api/openids?appid={APPID}", None)["lin"]
    body = {"grant_type": "client_credential", "appid": APPID, "secret": "0123456789abcdef" * 2}
    api = "/api.weixin.qq.com/cgi-bin"
    value = desk.call("POST", f"{api}/stable_token", body)["access_token"]
    sent = {"touser": openid, "template_id": NOTICE, "data": {"thing1": {"value": "人民路店"}}}
    path = f"{api}/message/subscribe/bizsend?access_token={value}"
    assert desk.call("POST", path, sent)["errcode"] == 0
    page = desk.page
    page.goto(f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/")
    page.get_by_role("button", name=re.compile("服务通知")).click()

    expect(page.get_by_text("人民路店")).to_be_visible()


def test_nothing_hinders_anybody(desk: Desk) -> None:
    control(desk, "PUT", f"accounts/{MINI}", {"name": "拾光点单", "kind": "mini"})
    platform = {"name": "掌柜平台", "login_domains": ["127.0.0.1:8000"], "checks_referer": False}
    control(desk, "PUT", f"components/{PLATFORM}", {**platform, "sends_tickets": False})
    control(desk, "POST", f"components/{PLATFORM}/authorise", {"appid": APPID, "push": False})
    follow(desk)
    for kind in ("image", "voice", "location"):
        body = {"appid": APPID, "kind": kind, "label": "人民路"}
        control(desk, "POST", "people/lin/messages", body)
    page = desk.page
    found: dict[str, list[str]] = {}

    def check(name: str) -> None:
        broken = hindrances(page)
        if broken:
            found[name] = broken

    page.goto(f"{desk.url}/_sandbox/open")
    expect(page.locator(".account")).to_be_visible()
    check("open")
    phone = f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/"
    views = {
        "chat": {"appid": APPID},
        "notices": {},
        "mini": {"appid": MINI},
        "minis": {},
        "care": {},
    }
    for name, params in views.items():
        page.goto(phone)
        stack = [{"name": "chats", "params": {}}, {"name": name, "params": params}]
        page.evaluate(
            "(stack) => sessionStorage.setItem('sandbox-phone', stack)", json.dumps(stack)
        )
        page.reload()
        expect(page.locator(f"[data-view={name}] .bar")).to_be_visible()
        check(name)
    assert found == {}

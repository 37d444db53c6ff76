from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import segno
from playwright.sync_api import Browser, FrameLocator, Page, expect
from starlette.applications import Starlette

from tests.plugins.browser import window
from wechat_sandbox import Sandbox
from wechat_sandbox.config import find_extra_assets
from wechat_sandbox.serving import running
from wechat_sandbox.tests.factories import APPID, PRODUCT, SECRET, PayHook, Shop
from wechat_sandbox.tests.hindrances import hindrances
from wechat_sandbox.tests.sellers import REFUNDS, Seller


class Desk:
    """The running sandbox and a browser window on it."""

    def __init__(self, sandbox: Sandbox, page: Page) -> None:
        self.url = sandbox.world.config.public
        self.sandbox = sandbox
        self.page = page

    def call(self, method: str, path: str, body: Any) -> Any:
        return httpx2.request(method, f"{self.url}{path}", json=body, trust_env=False).json()

    def phone(self, slug: str) -> FrameLocator:
        return self.page.frame_locator(f"[data-person={slug}] iframe")

    def new_code(self, scene: str) -> str:
        given = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
        api = "/api.weixin.qq.com/cgi-bin"
        token = self.call("POST", f"{api}/stable_token", given)["access_token"]
        body = {
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
            "expire_seconds": 600,
        }
        made = self.call("POST", f"{api}/qrcode/create?access_token={token}", body)
        return str(made["url"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with window(browser, {"width": 1440, "height": 900}) as page:
        yield page


@pytest.fixture
def desk(page: Page, shop: Shop) -> Iterator[Desk]:
    product = httpx2.ASGITransport(app=Starlette(routes=[*PayHook.routes(), *shop.routes()]))
    with running(product=PRODUCT, product_transport=product) as sandbox:
        made = Desk(sandbox, page)
        problems: list[str] = []
        made.page.on("pageerror", lambda error: problems.append(str(error)))
        account = {
            "name": "拾光茶饮",
            "secret": SECRET,
            "callback_url": f"{PRODUCT}/hooks/wechat",
            "oauth_domains": ["127.0.0.1:8000"],
            "menu": [{"name": "集章卡", "url": f"{PRODUCT}/card"}],
            "welcome": f'欢迎，<a href="{PRODUCT}/welcome">从这里开始</a>',
        }
        made.call("PUT", f"/_sandbox/api/accounts/{APPID}", account)
        people = [{"slug": "lin", "nickname": "林小满"}, {"slug": "chen", "nickname": "陈思远"}]
        made.call("PUT", "/_sandbox/api/people", people)
        yield made
        assert problems == []


def test_scan_follow_and_open_a_page(desk: Desk, shop: Shop) -> None:
    desk.new_code("bind-7")
    desk.page.goto(desk.url)
    lin, chen = desk.phone("lin"), desk.phone("chen")

    lin.get_by_role("button", name="扫一扫").first.click()
    lin.locator(".code").click()
    lin.get_by_role("button", name="关注", exact=True).click()
    expect(lin.get_by_text("从这里开始")).to_be_visible()
    events = [one.opened(desk.sandbox.world.account(APPID)) for one in shop.pushes]
    assert [(one["Event"], one["EventKey"]) for one in events] == [("subscribe", "qrscene_bind-7")]

    lin.get_by_role("button", name="集章卡").click()
    web = lin.frame_locator("iframe.web")
    expect(lin.get_by_role("heading", name="/card")).to_be_visible()
    web.get_by_role("link", name="go", exact=True).click()
    expect(lin.get_by_role("heading", name="/next")).to_be_visible()
    lin.get_by_role("button", name="后退").click()
    expect(lin.get_by_role("heading", name="/card")).to_be_visible()
    lin.get_by_role("button", name="关闭网页").click()
    expect(lin.get_by_text("从这里开始")).to_be_visible()

    expect(chen.get_by_text("还没有关注公众号")).to_be_visible()
    assert {one["headers"]["host"] for one in shop.requests} == {"127.0.0.1:8000"}


def test_a_message_arrives_while_the_chat_is_open(desk: Desk) -> None:
    desk.page.goto(f"{desk.url}/?people=chen")
    chen = desk.phone("chen")
    chen.get_by_role("button", name="搜一搜").first.click()
    chen.get_by_role("button", name="关注", exact=True).click()
    chen.get_by_role("button", name="切换到输入框").click()
    chen.get_by_label("输入消息").fill("在吗")
    chen.get_by_role("button", name="发送").click()
    expect(chen.locator(".mine")).to_have_text("远在吗")

    body = {"appid": APPID, "text": "再问一句"}
    desk.call("POST", "/_sandbox/api/people/chen/messages", body)
    expect(chen.locator(".mine").nth(1)).to_contain_text("再问一句", timeout=1500)


def test_a_picture_of_a_code_can_be_scanned(desk: Desk, tmp_path: Any) -> None:
    if find_extra_assets() is None:
        pytest.skip("the npm package jsqr is not fetched")
    picture = tmp_path / "code.png"
    segno.make_qr(desk.new_code("table-3")).save(str(picture), scale=8)
    desk.page.goto(f"{desk.url}/?people=lin")
    lin = desk.phone("lin")
    lin.get_by_role("button", name="扫一扫").first.click()
    lin.get_by_label("选择二维码图片").set_input_files(picture)

    expect(lin.get_by_text("关注后进入公众号")).to_be_visible()


def test_nothing_hinders_anybody(desk: Desk) -> None:
    desk.new_code("bind-7")
    desk.call("POST", "/_sandbox/api/people/lin/follow", {"appid": APPID})
    phone = f"http://lin.localhost:{desk.sandbox.world.config.port}/_phone/"
    found: dict[str, list[str]] = {}

    def check(name: str) -> None:
        broken = hindrances(desk.page)
        if broken:
            found[name] = broken

    for path in ("/?people=lin", "/_sandbox/accounts", "/_sandbox/people", "/_sandbox/calls"):
        desk.page.goto(f"{desk.url}{path}")
        expect(desk.page.locator(".phone-card, .account, .person, .call").first).to_be_visible()
        check(path)
    desk.page.goto(phone)
    check("chats")
    desk.page.get_by_text("拾光茶饮").click()
    expect(desk.page.get_by_text("从这里开始")).to_be_visible()
    check("chat")
    desk.page.get_by_role("button", name="公众号资料").click()
    check("account")
    desk.page.evaluate("sessionStorage.clear()")
    desk.page.goto(phone)
    desk.page.get_by_role("button", name="扫一扫").first.click()
    expect(desk.page.locator(".code")).to_be_visible()
    check("scan")
    assert found == {}


def test_new_people_and_accounts_by_hand(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.url}/_sandbox/people")
    page.get_by_role("button", name="新建人物").click()
    page.get_by_label("昵称").fill("王秀英")
    page.get_by_label("微信号").fill("lin xx")
    page.get_by_label("微信号").fill("wang")
    page.get_by_role("button", name="新建", exact=True).click()
    expect(page.get_by_text("3 人")).to_be_visible()

    page.goto(f"{desk.url}/_sandbox/accounts")
    page.get_by_role("button", name="新建公众号").click()
    page.get_by_label("名称").fill("青禾书店")
    page.get_by_role("button", name="新建", exact=True).click()
    expect(page.get_by_role("heading", name="青禾书店")).to_be_visible()
    page.get_by_role("button", name="检查回调地址").click()
    expect(page.get_by_text("回调地址通过检查")).to_be_visible()

    page.goto(f"{desk.url}/_sandbox/calls")
    expect(page.get_by_text("还没有记录")).to_be_visible()
    desk.new_code("live")
    expect(page.locator(".call")).to_have_count(2, timeout=4000)
    page.locator(".call summary").first.click()
    expect(page.locator("pre").first).to_contain_text("live")


PAY_PAGE = """<!doctype html><title>收银台</title><button id="go">付款</button><p id="said"></p>
<script>
document.getElementById("go").addEventListener("click", () => {
  const page = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  WeixinJSBridge.invoke("getBrandWCPayRequest", page, (answer) => {
    document.getElementById("said").textContent = answer.err_msg;
  });
});
</script>"""

TOUCH_PAGE = """<!doctype html><title>盖章</title><style>html,body{height:100%;margin:0}</style>
<p id="said">0</p><script>
document.addEventListener("touchstart", (event) => {
  const said = document.getElementById("said");
  const spots = [...event.touches].map((one) => `${one.clientX},${one.clientY}`);
  said.textContent = `${event.touches.length} ${spots.join(" ")}`;
});
</script>"""


@pytest.fixture
def seller(desk: Desk, hook: PayHook) -> Iterator[Seller]:
    """A merchant whose calls go to the running sandbox."""
    with httpx2.Client(base_url=desk.url, trust_env=False) as client:
        yield Seller(client, desk.sandbox)


def type_password(phone: FrameLocator | Page, digits: str = "123456") -> None:
    for digit in digits:
        phone.locator(".pay-pad").get_by_role("button", name=digit, exact=True).click()


def test_pay_a_code_another_shows(desk: Desk, hook: PayHook, seller: Seller) -> None:
    seller.native()
    desk.page.goto(f"{desk.url}/?people=lin")
    lin = desk.phone("lin")
    lin.get_by_role("button", name="扫一扫").first.click()
    lin.locator(".code").click()
    expect(lin.locator(".pay-amount")).to_contain_text("12.80")
    lin.get_by_role("button", name="关闭", exact=True).click()
    expect(lin.locator(".pay-layer")).to_have_count(0)
    assert seller.query()["trade_state"] == "NOTPAY"

    lin.locator(".code").click()
    lin.get_by_role("button", name="付款方式").click()
    lin.get_by_role("radio", name="招商银行").click()
    lin.get_by_role("button", name="立即支付").click()
    type_password(lin, "000000")
    expect(lin.get_by_text("还可以输入 4 次")).to_be_visible()
    type_password(lin)
    expect(lin.get_by_role("heading", name="支付成功")).to_be_visible()
    lin.get_by_role("button", name="完成").click()
    lin.get_by_text("微信支付").click()
    expect(lin.locator(".pay-card")).to_contain_text("¥12.80")
    assert seller.told(hook.taken[-1])["bank_type"] == "CMB_DEBIT"

    seller.call("POST", REFUNDS, seller.refund_body(280))
    expect(lin.locator(".pay-card[data-kind=refunded]")).to_contain_text("¥2.80", timeout=9000)
    lin.get_by_role("button", name="账单", exact=True).click()
    expect(lin.get_by_text("已退款 ¥2.80")).to_be_visible()


def test_a_page_in_wechat_asks_to_be_paid(desk: Desk, seller: Seller, shop: Shop) -> None:
    shop.pages["/pay"] = PAY_PAGE
    openid = desk.call("GET", f"/_sandbox/api/openids?appid={APPID}", None)["lin"]
    body = seller.order(payer={"openid": openid})
    made = seller.call("POST", "/v3/pay/transactions/jsapi", body)["prepay_id"]
    asked = seller.page(made)
    desk.page.goto(f"{desk.url}/?people=lin&open={quote('/pay#' + quote(json.dumps(asked)))}")
    lin = desk.phone("lin")
    web = lin.frame_locator("iframe.web")

    web.get_by_role("button", name="付款").click()
    lin.get_by_role("button", name="关闭", exact=True).click()
    expect(web.locator("#said")).to_have_text("get_brand_wcpay_request:cancel")
    web.get_by_role("button", name="付款").click()
    lin.get_by_role("button", name="立即支付").click()
    type_password(lin)
    lin.get_by_role("button", name="完成").click()
    expect(web.locator("#said")).to_have_text("get_brand_wcpay_request:ok")
    web.get_by_role("button", name="付款").click()
    expect(lin.get_by_text("该订单已支付")).to_be_visible()
    lin.get_by_role("button", name="知道了").click()
    expect(web.locator("#said")).to_have_text("get_brand_wcpay_request:fail")


def test_five_fingers_with_a_mouse(desk: Desk, shop: Shop) -> None:
    shop.pages["/stamp"] = TOUCH_PAGE
    desk.page.goto(f"{desk.url}/?people=lin&open=/stamp")
    lin = desk.phone("lin")
    web = lin.frame_locator("iframe.web")
    expect(web.locator("#said")).to_have_text("0")
    lin.get_by_role("button", name="更多").click()
    lin.get_by_role("button", name="五指触屏").click()
    lin.locator(".touch-area").click(position={"x": 120, "y": 90})
    expect(lin.get_by_text("1 / 6 个点")).to_be_visible()
    lin.get_by_label("坐标").fill("100,100 160,100 130,160 90,140 170,140")
    lin.get_by_role("button", name="按下").click()
    expect(web.locator("#said")).to_have_text("5 100,100 160,100 130,160 90,140 170,140")


def test_the_clock_faults_and_snapshots_by_hand(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.url}/_sandbox/control")
    page.get_by_role("button", name="+1 天").click()
    expect(page.get_by_text("比真实时间快 1 天")).to_be_visible()
    page.get_by_role("button", name="凭证失效 40001").click()
    expect(page.get_by_text("所有微信接口 errcode 40001")).to_be_visible()
    page.get_by_role("button", name="全部取消").click()
    expect(page.get_by_text("现在没有故障")).to_be_visible()

    page.get_by_role("button", name="存一份快照").click()
    page.get_by_label("名称").fill("两个人")
    page.get_by_role("button", name="存下").click()
    page.get_by_role("button", name="全部清空").click()
    page.get_by_role("dialog").get_by_role("button", name="全部清空").click()
    expect(page.get_by_text("还没有公众号")).to_be_visible()
    page.get_by_role("button", name="恢复", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="恢复").click()
    expect(page.get_by_text("拾光茶饮", exact=True)).to_be_visible()
    assert len(desk.call("GET", "/_sandbox/api/people", None)) == 2

    page.goto(f"{desk.url}/_sandbox/docs")
    page.get_by_label("查找接口").fill("snapshots")
    expect(page.locator(".doc")).to_have_count(6)


def test_a_merchant_by_hand(desk: Desk, hook: PayHook, seller: Seller) -> None:
    page = desk.page
    seller.native()
    page.goto(f"{desk.url}/_sandbox/merchants")
    page.get_by_role("button", name="代付").click()
    page.get_by_label("微信号").fill("lin")
    page.get_by_role("button", name="付款", exact=True).click()
    expect(page.locator(".state-success")).to_have_text("已支付")
    page.get_by_role("button", name="通知", exact=True).click()
    page.get_by_role("button", name="重新发送").click()
    expect(page.get_by_text("商家已接收")).to_be_visible()
    assert len(hook.taken) == 2
    page.get_by_role("button", name="账单", exact=True).click()
    expect(page.get_by_role("cell", name="tea-000001")).to_be_visible()
    page.get_by_role("button", name="密钥与设置").click()
    page.get_by_role("button", name="重复").click()
    expect(page.get_by_role("button", name="重复")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="新建商户").click()
    page.get_by_label("名称").fill("青禾书店")
    page.get_by_role("button", name="新建", exact=True).click()
    expect(page.get_by_role("heading", name="青禾书店")).to_be_visible()

"""The public library of subscription templates (``/wxaapi/newtmpl/``, digest 4.10)."""

from __future__ import annotations

from dataclasses import dataclass

from wechat_sandbox import notices
from wechat_sandbox.played.errors import Refusal
from wechat_sandbox.played.wire import Answer, Call, endpoint

MOST = 25
ROOT = "/wxaapi/newtmpl"


@dataclass(frozen=True)
class Title:
    """One entry: words are (number, name, example, kind of value)."""

    tid: int
    title: str
    kind: int
    category: int
    words: tuple[tuple[int, str, str, str], ...]


CATEGORIES = {2: "美食饮品", 16: "商业服务", 307: "生活服务", 616: "文娱活动"}
TITLES = (
    Title(99, "订单状态提醒", 2, 2, (
        (1, "订单编号", "A20261122", "character_string"), (2, "订单状态", "已完成", "phrase"),
        (3, "门店名称", "人民路店", "thing"), (4, "订单金额", "¥28.00", "amount"),
        (5, "下单时间", "2026年11月22日 14:30", "time"), (6, "备注", "请到前台取餐", "thing"),
    )),
    Title(1128, "积分变动通知", 2, 2, (
        (1, "变动数量", "1", "number"), (2, "变动原因", "到店消费", "thing"),
        (3, "变动时间", "2026年11月22日 14:30", "time"), (4, "当前余额", "5", "number"),
    )),
    Title(2307, "报修进度通知", 2, 307, (
        (1, "报修单号", "R20261122", "character_string"), (2, "处理进度", "已派单", "phrase"),
        (3, "处理人员", "王师傅", "name"), (4, "联系电话", "13800000000", "phone_number"),
        (5, "预约时间", "2026年11月22日 14:30", "time"), (6, "温馨提示", "请保持电话畅通", "thing"),
    )),
    Title(4012, "活动报名成功通知", 2, 616, (
        (1, "活动名称", "新茶品鉴会", "thing"), (2, "活动时间", "2026年11月22日 14:30", "time"),
        (3, "活动地点", "人民路店二楼", "thing"), (4, "报名人", "林小满", "name"),
        (5, "票券编号", "T20261122", "character_string"),
    )),
    Title(4013, "退款通知", 2, 16, (
        (1, "退款金额", "¥28.00", "amount"), (2, "退款原因", "活动取消", "thing"),
        (3, "退款时间", "2026年11月22日 14:30", "time"),
        (4, "订单编号", "A20261122", "character_string"),
    )),
    Title(7001, "社区公共服务通知", 3, 307, (
        (1, "通知内容", "明日检修", "thing"), (2, "通知时间", "2026年11月22日 14:30", "time"),
    )),
)  # fmt: skip
BY_TID = {one.tid: one for one in TITLES}


def _number(call: Call, name: str, refused: int, *, least: int, most: int) -> int:
    value = call.query(name)
    if not value.isdigit() or not least <= int(value) <= most:
        raise Refusal(refused)
    return int(value)


@endpoint(f"{ROOT}/getcategory", method="GET", capability="notify")
def categories(call: Call) -> Answer:
    """The account's categories; the sandbox gives every account all of them."""
    return call.answered(data=[{"id": key, "name": name} for key, name in CATEGORIES.items()])


@endpoint(f"{ROOT}/getpubtemplatetitles", method="GET", capability="notify")
def titles(call: Call) -> Answer:
    """The library's titles of some categories."""
    if not call.query("ids"):
        raise Refusal(200018)
    ids = call.query("ids").split(",")
    if not all(one.isdigit() and int(one) in CATEGORIES for one in ids):
        raise Refusal(200019)
    start = _number(call, "start", 200016, least=0, most=10_000)
    limit = _number(call, "limit", 200017, least=1, most=30)
    found = [one for one in TITLES if str(one.category) in ids]
    shown = [
        {"tid": one.tid, "title": one.title, "type": one.kind, "categoryId": str(one.category)}
        for one in found[start : start + limit]
    ]
    return call.answered(count=len(found), data=shown)


def _title(given: object) -> Title:
    found = BY_TID.get(int(given)) if str(given).isdigit() else None  # type: ignore[call-overload]
    if found is None:
        raise Refusal(200014)
    return found


@endpoint(f"{ROOT}/getpubtemplatekeywords", method="GET", capability="notify")
def keywords(call: Call) -> Answer:
    """The words one title offers."""
    found = _title(call.query("tid"))
    shown = [
        {"kid": kid, "name": name, "example": example, "rule": rule}
        for kid, name, example, rule in found.words
    ]
    return call.answered(count=len(shown), data=shown)


@endpoint(f"{ROOT}/addtemplate", capability="notify")
def add(call: Call) -> Answer:
    """Take a title with two to five of its words."""
    title, kids = _title(call.body.get("tid", "")), call.body.get("kidList")
    known = {word[0]: word for word in title.words}
    if not isinstance(kids, list) or not 2 <= len(kids) <= 5:  # noqa: PLR2004
        raise Refusal(200020)
    if len(set(kids)) != len(kids) or not all(kid in known for kid in kids):
        raise Refusal(200020)
    scene = call.body.get("sceneDesc")
    if not isinstance(scene, str) or not 1 <= len(scene) <= 15:  # noqa: PLR2004
        raise Refusal(200021)
    held = notices.every(call.world, call.account)
    if any(one.tid == str(title.tid) and one.kids == tuple(kids) for one in held):
        raise Refusal(200022)
    if len(held) >= MOST:
        raise Refusal(200012)
    words = [known[kid] for kid in kids]
    made = notices.add(
        call.world,
        call.account,
        title=title.title,
        content="".join(f"{name}:{{{{{rule}{kid}.DATA}}}}\n" for kid, name, _, rule in words),
        example="".join(f"{name}:{example}\n" for _, name, example, _ in words),
        kind=title.kind,
        tid=str(title.tid),
        kids=tuple(kids),
    )
    return call.answered(priTmplId=made.template_id)


@endpoint(f"{ROOT}/gettemplate", method="GET", capability="notify")
def listing(call: Call) -> Answer:
    """The account's own templates."""
    return call.answered(
        data=[
            {
                "priTmplId": one.template_id,
                "title": one.title,
                "content": one.content,
                "example": one.example,
                "type": one.kind,
            }
            for one in notices.every(call.world, call.account)
        ]
    )


@endpoint(f"{ROOT}/deltemplate", capability="notify")
def delete(call: Call) -> Answer:
    """Give one of them up."""
    done = call.world.store.write(
        "DELETE FROM notice_templates WHERE template_id = ? AND appid = ?",
        str(call.body.get("priTmplId", "")),
        call.account.appid,
    )
    if not done:
        raise Refusal(200014)
    return call.answered()

"""Who plays in the demo: the platform, operators, merchants, their stores and people.

All of it is invented. The phone numbers are of the range 138 0013 8xxx, which Chinese
documents use for examples; nothing is ever sent to them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256

PASSWORD = "zhanggui"  # noqa: S105  the whole world may know it: the demo alone takes it
PLATFORM_NAME = "掌柜"


@dataclass(frozen=True)
class AccountPlan:
    """An official account of the sandbox; its secrets follow from its app id."""

    key: str
    name: str
    avatar: str
    about: str = ""
    """What people read of it in WeChat."""

    @property
    def app_id(self) -> str:
        """Begins with ``wxsb``, which no real account does."""
        return "wxsb" + self._digest("app_id").hex()[:14]

    @property
    def original_id(self) -> str:
        return "gh_" + self._digest("original_id").hex()[:12]

    @property
    def secret(self) -> str:
        return self._digest("secret").hex()[:32]

    @property
    def callback_token(self) -> str:
        return self._digest("callback_token").hex()[:24]

    @property
    def aes_key(self) -> str:
        """43 letters and digits, as the platform's console makes them."""
        encoded = base64.b64encode(self._digest("aes_key"), altchars=b"Zg").decode()
        return encoded.rstrip("=")

    def _digest(self, purpose: str) -> bytes:
        return sha256(f"zhanggui demo {self.key} {purpose}".encode()).digest()


@dataclass(frozen=True)
class StaffPlan:
    """Somebody who signs in with a phone number and the demo's password."""

    key: str
    name: str
    tail: int
    """The last three digits of the number."""
    role: str

    @property
    def phone(self) -> str:
        return f"+8613800138{self.tail:03d}"


@dataclass(frozen=True)
class StorePlan:
    """A store; ``size`` weighs how many customers it has, 0 for one that has just opened."""

    name: str
    address: str
    phone: str
    size: int
    managers: tuple[str, ...]
    """Nicknames of the people bound by WeChat."""


@dataclass(frozen=True)
class ProgrammePlan:
    """A stamp card."""

    name: str
    slots: int
    reward: str
    rules: str
    max_per_code: int = 1
    design: str = ""
    on_the_way: tuple[tuple[int, str], ...] = ()
    """Rewards before the card is full: after so many stamps, what."""


@dataclass(frozen=True)
class MerchantPlan:
    """A merchant with all it has."""

    slug: str
    name: str
    trade: str
    emoji: str
    rhythm: str
    """A row of ``rhythm.RHYTHMS``."""
    operator: str | None
    account: AccountPlan | None
    programme: ProgrammePlan
    stores: tuple[StorePlan, ...]
    staff: tuple[StaffPlan, ...]


@dataclass(frozen=True)
class OperatorPlan:
    """An operator; with an account it lends it to merchants that have none."""

    slug: str
    name: str
    account: AccountPlan | None
    staff: tuple[StaffPlan, ...]


PLATFORM_ACCOUNT = AccountPlan(
    "platform", "掌柜门店助手", "🏮", "掌柜平台的服务号：门店管理员在这里绑定门店、核对验证码"
)
PLATFORM_STAFF = (StaffPlan("platform-owner", "沈若谷", 1, "owner"),)

OPERATORS = (
    OperatorPlan(
        "nanfeng", "南风商户服务", None, (StaffPlan("nanfeng-owner", "许南风", 11, "owner"),)
    ),
    OperatorPlan(
        "chengbei",
        "城北小店联盟",
        AccountPlan("chengbei", "城北小店联盟", "🧧", "城北的小店在这里发集章卡和优惠券"),
        (
            StaffPlan("chengbei-owner", "郑伯安", 12, "owner"),
            StaffPlan("chengbei-manager", "叶小满", 13, "manager"),
        ),
    ),
)

MERCHANTS = (
    MerchantPlan(
        "qinglan-tea",
        "青岚茶馆",
        "茶馆",
        "🍵",
        "tea",
        "nanfeng",
        AccountPlan("qinglan-tea", "青岚茶馆", "🍵", "喝茶集章，集满有好茶"),
        ProgrammePlan(
            "青岚品茶卡",
            10,
            "任选一壶好茶",
            "每到店品茶一次集一枚章，集满十枚，送任选一壶好茶。本卡全部门店通用。",
            design="tea",
            on_the_way=((5, "手作茶点一份"),),
        ),
        (
            StorePlan(
                "湖滨店",
                "杭州市上城区东坡路 18 号",
                "0571-8800 1801",
                5,
                ("湖滨店周敏", "茶师小顾"),
            ),
            StorePlan(
                "文三路店", "杭州市西湖区文三路 406 号 1 层", "0571-8800 1802", 3, ("陆远", "阿芷")
            ),
            StorePlan("御街店", "杭州市上城区中山中路 77 号", "0571-8800 1803", 0, ()),
        ),
        (
            StaffPlan("tea-owner", "顾青岚", 101, "owner"),
            StaffPlan("tea-manager", "周敏", 102, "manager"),
            StaffPlan("tea-clerk", "林小雨", 103, "clerk"),
        ),
    ),
    MerchantPlan(
        "yiguo-hotpot",
        "一锅江湖老火锅",
        "火锅",
        "🍲",
        "hotpot",
        "nanfeng",
        AccountPlan("yiguo-hotpot", "一锅江湖老火锅", "🍲", "吃火锅集章，常客有礼"),
        ProgrammePlan(
            "江湖常客卡",
            8,
            "屠场鲜毛肚一份",
            "每桌消费满 100 元集一枚章，集满八枚，下次来送鲜毛肚一份。",
            3,
            design="bowl",
        ),
        (
            StorePlan(
                "武林店",
                "杭州市拱墅区武林路 208 号 3 层",
                "0571-8800 2601",
                6,
                ("武林店长熊二娃", "刘姐", "小面哥"),
            ),
            StorePlan(
                "城西店", "杭州市西湖区古墩路 588 号", "0571-8800 2602", 5, ("何三妹", "幺妹儿")
            ),
            StorePlan(
                "滨江店", "杭州市滨江区江汉路 1515 号", "0571-8800 2603", 3, ("杨胖哥", "小熊")
            ),
            StorePlan("下沙店", "杭州市钱塘区文津北路 61 号", "0571-8800 2604", 2, ("罗兵",)),
        ),
        (
            StaffPlan("hotpot-owner", "熊大江", 201, "owner"),
            StaffPlan("hotpot-finance", "何静", 202, "finance"),
            StaffPlan("hotpot-manager", "熊小川", 203, "manager"),
        ),
    ),
    MerchantPlan(
        "mailang-bakery",
        "麦浪烘焙",
        "面包房",
        "🥐",
        "bakery",
        None,
        AccountPlan("mailang-bakery", "麦浪烘焙", "🥐", "每天现烤，集章换面包"),
        ProgrammePlan(
            "每日面包卡",
            12,
            "日式生吐司一条",
            "单笔满 30 元集一枚章，一次最多三枚，集满十二枚，送日式生吐司一条。",
            3,
        ),
        (
            StorePlan(
                "青芝坞店",
                "杭州市西湖区玉古路 138 号",
                "0571-8800 3501",
                5,
                ("青芝坞 Joyce", "面包师阿昆"),
            ),
            StorePlan(
                "运河店", "杭州市拱墅区丽水路 66 号", "0571-8800 3502", 5, ("小满", "黄油年糕")
            ),
            StorePlan(
                "黄龙店", "杭州市西湖区学院路 131 号", "0571-8800 3503", 4, ("可可", "Eric 王")
            ),
            StorePlan(
                "钱江新城店", "杭州市上城区富春路 701 号 B1 层", "0571-8800 3504", 3, ("乔安娜",)
            ),
        ),
        (
            StaffPlan("bakery-owner", "麦晓然", 301, "owner"),
            StaffPlan("bakery-manager", "乔安娜", 302, "manager"),
            StaffPlan("bakery-clerk", "唐小可", 303, "clerk"),
        ),
    ),
    MerchantPlan(
        "acheng-barber",
        "阿成理发",
        "理发店",
        "💈",
        "barber",
        "chengbei",
        None,
        ProgrammePlan(
            "街坊理发卡", 6, "免费剪发一次", "剪一次头集一枚章，集满六枚，下次剪发免费。"
        ),
        (
            StorePlan("和睦店", "杭州市拱墅区和睦路 52 号", "0571-8800 4401", 3, ("阿成", "珍姐")),
            StorePlan(
                "大关店", "杭州市拱墅区大关路 119 号", "0571-8800 4402", 2, ("Tony 仔", "阿杰")
            ),
        ),
        (StaffPlan("barber-owner", "梁阿成", 401, "owner"),),
    ),
    MerchantPlan(
        "maoqiu-pets",
        "毛球公社",
        "宠物店",
        "🐾",
        "pets",
        "chengbei",
        AccountPlan("maoqiu-pets", "毛球公社宠物生活", "🐾", "毛孩子的洗护和集章"),
        ProgrammePlan(
            "毛球洗护卡",
            8,
            "全套洗护一次",
            "每次洗护集一枚章，集满八枚，送全套洗护一次。猫狗同价。",
        ),
        (
            StorePlan(
                "三墩店", "杭州市西湖区厚仁路 3 号", "0571-8800 5501", 3, ("橘座的铲屎官", "米粒")
            ),
            StorePlan("闲林店", "杭州市余杭区闲兴路 9 号", "0571-8800 5502", 2, ("大白",)),
        ),
        (
            StaffPlan("pets-owner", "苏米粒", 501, "owner"),
            StaffPlan("pets-clerk", "白小川", 502, "clerk"),
        ),
    ),
    MerchantPlan(
        "yehang-books",
        "夜航书店",
        "书店 · 小影院",
        "📚",
        "books",
        "chengbei",
        AccountPlan("yehang-books", "夜航书店", "📚", "买书集章，夜里也开门"),
        ProgrammePlan(
            "夜航读者卡", 10, "手冲咖啡一杯", "买书或观影一次集一枚章，集满十枚，送手冲咖啡一杯。"
        ),
        (
            StorePlan(
                "北山街店", "杭州市西湖区北山街 42 号", "0571-8800 6601", 3, ("守夜人老白", "阿棠")
            ),
            StorePlan(
                "小河直街店", "杭州市拱墅区小河路 140 号", "0571-8800 6602", 2, ("苏小小", "半页书")
            ),
        ),
        (
            StaffPlan("books-owner", "白夜航", 601, "owner"),
            StaffPlan("books-manager", "江棠", 602, "manager"),
        ),
    ),
)

ACCOUNTS = (
    PLATFORM_ACCOUNT,
    *(one.account for one in OPERATORS if one.account),
    *(one.account for one in MERCHANTS if one.account),
)

NEWCOMER = AccountPlan("newcomer", "云上花铺", "🌷")
"""An account nobody has connected yet: its shop can authorise it by scanning."""

KEEPERS: dict[str, tuple[str, str, tuple[AccountPlan, ...]]] = {
    "flowers-boss": ("叶云上", "云上花铺", (NEWCOMER,)),
    "accounts-keeper": ("管公众号的小顾", "公众号管理员", ACCOUNTS),
}
"""Administrators of official accounts by the address of their phone: nickname, what they are, and
the accounts they can authorise and take back."""

OUTSIDERS = ("路过的小鹿", "新同事阿宽", "Mia 🌻", "想当店长的老高", "试试看", "第一次来的陈叔")
"""People on the sandbox who know none of the shops yet."""


def account_of(merchant: MerchantPlan) -> AccountPlan:
    """The account its customers meet: its own, else the operator's, else the platform's."""
    if merchant.account:
        return merchant.account
    operator = next((one for one in OPERATORS if one.slug == merchant.operator), None)
    return operator.account if operator and operator.account else PLATFORM_ACCOUNT

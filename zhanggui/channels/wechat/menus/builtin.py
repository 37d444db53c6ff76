"""Pages of the product that a menu may open: products offer theirs (功能页面)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.wechat.models import ChannelAccount

Text = str | Promise
MOST_SHOPS = 30


@dataclass(frozen=True, slots=True)
class BuiltinPage:
    """A page customers or staff open from a menu."""

    name: str
    """``stamps.wallet``; kept in menus."""
    label: Text
    short: Text
    """What the button is called when the page is put into a menu; at most four Chinese signs."""
    path: Callable[[Merchant | None], str]
    """Of a shop's page with the shop, of a page of the platform's own staff with None."""
    is_of_shop: bool = True
    feature: str = ""
    """Shown only to shops whose plan has it."""
    product: Text = ""
    """What the button is called that gathers a product's pages when there are too many; at most
    four Chinese signs, empty takes ``short``."""
    is_default: bool = True
    """Whether a menu of defaults has it; others are only offered."""
    order: int = 100


_pages: dict[str, BuiltinPage] = {}


def register(page: BuiltinPage) -> None:
    """Offer a page to the menu editor; modules do so in ``apps.py``.

    Raises:
        ValueError: another page has this name.
    """
    if _pages.get(page.name, page) != page:
        message = f"two pages are called {page.name}"
        raise ValueError(message)
    _pages[page.name] = page


@dataclass(frozen=True, slots=True)
class Choice:
    """A page as the editor offers it."""

    name: str
    """The page's name; at an account that serves many shops with ``@`` and the shop's id."""
    label: str
    short: str
    url: str
    product: str
    is_default: bool
    is_of_shop: bool


def choices(account: ChannelAccount) -> list[Choice]:
    """The pages an account's menu may open, in the order products gave them.

    The account of a shop opens that shop's pages. One that is lent opens the pages of the shops
    that come through it, at most 30 of them; the platform's own also those of the staff.
    """
    if account.merchant is not None:
        return [_choice(page, account.merchant) for page in _pages_of(account.merchant)]
    found: list[Choice] = []
    if account.tier == Tier.PLATFORM:
        found += [_choice(page, None) for page in _sorted() if not page.is_of_shop]
    for shop in _shops(account):
        found += _choices_of(shop)
    return found


def choices_for(account: ChannelAccount, merchant: Merchant | None) -> list[Choice]:
    """What one shop may offer at an account, its own or one that is lent to it."""
    if merchant is None or account.merchant_id == merchant.pk:
        return choices(account)
    return _choices_of(merchant)


def _choices_of(shop: Merchant) -> list[Choice]:
    return [_choice(page, shop, suffix=f"@{shop.pk}") for page in _pages_of(shop)]


def _sorted() -> list[BuiltinPage]:
    return sorted(_pages.values(), key=lambda page: (page.order, page.name))


def _pages_of(shop: Merchant) -> list[BuiltinPage]:
    stands = standing.of(shop)
    return [page for page in _sorted() if page.is_of_shop and stands.has(page.feature)]


def _shops(account: ChannelAccount) -> list[Merchant]:
    own = ChannelAccount.objects.filter(tier=Tier.MERCHANT, is_connected=True)
    shops = Merchant.objects.exclude(pk__in=own.values("merchant_id")).order_by("pk")
    if account.operator_id is not None:
        shops = shops.filter(operator_id=account.operator_id)
    else:
        lent = ChannelAccount.objects.filter(tier=Tier.OPERATOR, is_connected=True)
        shops = shops.exclude(operator_id__in=lent.values("operator_id"))
    return list(shops[:MOST_SHOPS])


def _choice(page: BuiltinPage, merchant: Merchant | None, *, suffix: str = "") -> Choice:
    label = f"{page.label} · {merchant.name}" if suffix and merchant else str(page.label)
    return Choice(
        name=f"{page.name}{suffix}",
        label=label,
        short=str(page.short),
        url=f"{settings.BASE_URL}{page.path(merchant)}",
        product=str(page.product or page.short),
        is_default=page.is_default,
        is_of_shop=page.is_of_shop,
    )


def addresses(account: ChannelAccount) -> dict[str, str]:
    """Name to whole address of the pages an account's menu may open."""
    return {choice.name: choice.url for choice in choices(account)}


def address_of(account: ChannelAccount, name: str) -> str:
    """The whole address of one page, empty when nobody offers it any more."""
    page_name, _at, shop_id = name.partition("@")
    page = _pages.get(page_name)
    if page is None:
        return ""
    merchant = account.merchant
    if shop_id.isascii() and shop_id.isdigit():
        merchant = Merchant.objects.filter(pk=int(shop_id)).first()
    if page.is_of_shop and merchant is None:
        return ""
    return f"{settings.BASE_URL}{page.path(merchant)}"

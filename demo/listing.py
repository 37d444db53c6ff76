"""Who can sign in and whose phones lie ready: for the start page and for the launcher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation

from demo import nicknames, plans, progress, world
from demo.cast import MERCHANTS, OPERATORS, PASSWORD, PLATFORM_STAFF, MerchantPlan, StaffPlan
from demo.rhythm import merchants_of
from zhanggui.accounts.models import Membership, Tier

FILE = "demo.json"


@dataclass(frozen=True)
class SignIn:
    """Somebody who signs in with phone number and password."""

    plan: StaffPlan
    place: str
    path: str
    """Where the person works."""

    @property
    def phone(self) -> str:
        """As it is typed in."""
        return self.plan.phone.removeprefix("+86")

    @property
    def role_label(self) -> str:
        """In the language of the page."""
        tier = Tier.MERCHANT if self.path.startswith("/m/") else Tier.PLATFORM
        return Membership(tier=tier, role=self.plan.role).role_label


def sign_ins() -> list[SignIn]:
    """Everybody, the platform first."""
    found = [SignIn(plan, "平台", "/platform/") for plan in PLATFORM_STAFF]
    for operator in OPERATORS:
        path = f"/operator/{operator.slug}/"
        found += [SignIn(plan, operator.name, path) for plan in operator.staff]
    for merchant in MERCHANTS:
        found += [SignIn(plan, merchant.name, f"/m/{merchant.slug}/") for plan in merchant.staff]
    found += [SignIn(shop.owner, shop.name, f"/m/{shop.slug}/account/") for shop in plans.SHOPS]
    return found


def sign_in_of(key: str) -> SignIn | None:
    """The sign-in with this key."""
    return next((one for one in sign_ins() if one.plan.key == key), None)


@dataclass(frozen=True)
class PhoneLink:
    """A phone of the sandbox."""

    slug: str
    nickname: str
    colour: str
    role: str

    @property
    def url(self) -> str:
        return phone_url(self.slug)

    @property
    def initial(self) -> str:
        return nicknames.initial_of(self.nickname)


def phone_url(slug: str) -> str:
    """Where a person's phone is opened."""
    scheme, _, place = (settings.SANDBOX_URL or "").partition("://")
    port = place.rpartition(":")[2]
    return f"{scheme}://{slug}.localhost:{port}/_phone/"


def outsiders() -> list[PhoneLink]:
    """People without any shop, for trying things."""
    return [PhoneLink(one.slug, one.nickname, one.colour, "") for one in world.outsiders()]


def keepers() -> list[PhoneLink]:
    """Administrators of official accounts."""
    return [PhoneLink(one.slug, one.nickname, one.colour, one.tags[0]) for one in world.keepers()]


def managers_of(merchant: MerchantPlan) -> list[PhoneLink]:
    """The store managers of a merchant."""
    return [
        PhoneLink(phone.slug, phone.nickname, phone.colour, store.name)
        for plan, store, _place, phone in world.managers()
        if plan is merchant
    ]


def customers_of(merchant: MerchantPlan, count: int) -> list[PhoneLink]:
    """The first customers of a merchant."""
    return list(_customers_of(merchant, count))


def _customers_of(merchant: MerchantPlan, count: int) -> Iterator[PhoneLink]:
    person = 0
    while count:
        if merchant in merchants_of(person):
            nickname = nicknames.nickname(person)
            colour = nicknames.colour_of(person)
            yield PhoneLink(world.customer_slug(person), nickname, colour, "")
            count -= 1
        person += 1


def write() -> None:
    """Leave the list where the launcher finds it."""
    phones = [
        *((one, "路人") for one in outsiders()),
        *(
            (one, f"{merchant.name} {one.role}管理员")
            for merchant in MERCHANTS
            for one in managers_of(merchant)
        ),
    ]
    with translation.override(settings.LANGUAGE_CODE):
        progress.replace(settings.ENV.var / FILE, _as_json(phones))


def _as_json(phones: Iterable[tuple[PhoneLink, str]]) -> dict[str, object]:
    return {
        "product": settings.BASE_URL,
        "sandbox": settings.SANDBOX_URL,
        "sign_ins": [
            {
                "title": f"{one.place} · {one.role_label} {one.plan.name}",
                "who": one.plan.name,
                "role": one.plan.role,
                "phone": one.phone,
                "password": PASSWORD,
                "url": settings.BASE_URL + one.path,
            }
            for one in sign_ins()
        ],
        "phones": [
            {"name": phone.nickname, "role": role, "url": phone.url} for phone, role in phones
        ],
    }

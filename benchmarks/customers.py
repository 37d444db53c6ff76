"""The list of customers of a shop with 1,000,000 of them, beside 200 other shops.

Each page is asked for inside this process through Django's whole chain, so a figure is the
server's time for one page: middleware, guard, queries, template.
"""

from __future__ import annotations

import logging
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.results import Result

if TYPE_CHECKING:
    from django.test import Client

    from benchmarks.world import World
    from zhanggui.accounts.models import Merchant

MANY, MANY_QUICK = 1_000_000, 50_000
OTHERS, EACH_OTHER = 200, 500
TIMES = 15
NAMES = 60_000
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜"
    "叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎"
)
GIVEN = (
    "小明晓敏婉清思远一鸣芳洋伟娜秀英丽强磊军静杰涛艳勇娟霞刚平辉玲桂香建国华文玉兰红梅春"
    "花燕子轩雨涵浩宇欣怡梓萱子涵一诺依诺俊熙宇航雅琪诗涵嘉豪博文天佑语桐若曦可馨佳怡雪莹"
)
INDEXES = {
    "customers_by_what_fits": "(merchant_id, search, tag_ids, store_ids, birthday)",
}
COLUMNS = (
    "merchant_id, number, name, name_key, sort_key, search, phone_sealed, phone_hash,"
    " phone_tail_hash, gender, birthday, note, source, store_ids, tag_ids, state, blocked_reason,"
    " is_follower, created_at, last_seen_at"
)


def measure(world: World, *, is_quick: bool) -> list[Result]:
    """Fill the table, then ask for each kind of page some times."""
    from django.test import Client

    many = MANY_QUICK if is_quick else MANY
    logging.disable(logging.INFO)
    shop = Shop(world, many)
    began = time.perf_counter()
    shop.fill()
    filled_s = time.perf_counter() - began
    client = Client()
    client.force_login(shop.person)
    client.get(shop.here)
    results = [Result("customers.fill", many / filled_s, "rows/s", None, "COPY and indexes")]
    for name, path in shop.pages(client):
        results.append(_page(client, name, path))
    results.append(
        Result("customers.seq_scans", shop.seq_scans(), "plans", None, "of the pages above")
    )
    return results


def _page(client: Client, name: str, path: str) -> Result:
    took: list[float] = []
    rows = 0
    for _time in range(TIMES):
        began = time.perf_counter()
        response = client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if response.status_code != 200:
            message = f"{path} answered {response.status_code}"
            raise RuntimeError(message)
        rows = response.content.count(b"row-link")
    note = f"worst but one {sorted(took)[-2]:.0f} ms, {rows} rows"
    return Result(f"customers.{name}", statistics.median(took), "ms", None, note)


class Shop:
    """One shop with very many customers."""

    def __init__(self, world: World, many: int) -> None:
        from zhanggui.accounts.models import Membership, Person, Store
        from zhanggui.contacts.models import Segment, Tag
        from zhanggui.core import tenancy

        self.world = world
        self.many = many
        self.merchant = world.merchant
        self.here = f"/m/{self.merchant.slug}/customers/"
        self.chance = random.Random(7)
        self.names = [self._name() for _number in range(NAMES)]
        self.person = Person.objects.create(name="周掌柜", phone_hash=b"customers".ljust(32))
        Membership.objects.create(
            person=self.person, tier="merchant", merchant=self.merchant, role="owner"
        )
        with tenancy.merchant_scope(self.merchant.pk):
            self.stores = [world.store, *(Store(name=f"{n}号店") for n in range(2, 21))]
            self.tags = [Tag(name=f"标签{n}", name_key=f"标签{n}") for n in range(20)]
            for row in (*self.stores[1:], *self.tags):
                row.save()
            self.segment = Segment(
                name="久未到店的老客",
                conditions=[
                    {"kind": "contacts.quiet", "value": "60"},
                    {"kind": "contacts.birthday", "value": "5"},
                    {"kind": "contacts.tag", "value": str(self.tags[3].pk)},
                ],
            )
            self.segment.save()
            self.lost = Segment(
                name="两年没来", conditions=[{"kind": "contacts.quiet", "value": "730"}]
            )
            self.lost.save()

    # -- rows

    def _name(self) -> tuple[str, str, str, list[str]]:
        """A name with its keys and words, as services write them."""
        from zhanggui.contacts import search

        signs = self.chance.choices(GIVEN, k=self.chance.choice((1, 2, 2)))
        # surnames are as uneven as they are: the first ones are very common
        surname = SURNAMES[int(len(SURNAMES) * self.chance.random() ** 2.5)]
        name = surname + "".join(signs)
        return name, search.name_key(name), search.sort_key(name), search.tokens_of(name, "")

    def fill(self) -> None:
        """The shop's customers and those of 200 others, by COPY; then the indexes."""
        from zhanggui.accounts.models import Merchant

        others = [Merchant(name=f"店{n}", slug=f"other-{n}") for n in range(OTHERS)]
        Merchant.objects.bulk_create(others)
        with self.world.place.connect() as connection:
            for name in INDEXES:
                connection.execute(f"DROP INDEX {name}")
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY contacts_customer ({COLUMNS}) FROM STDIN") as copy,
            ):
                for other in Merchant.objects.filter(slug__startswith="other-"):
                    for row in self._rows(other, EACH_OTHER):
                        copy.write_row(row)
                for row in self._rows(self.merchant, self.many):
                    copy.write_row(row)
            for name, columns in INDEXES.items():
                connection.execute(f"CREATE INDEX {name} ON contacts_customer USING gin {columns}")
            connection.execute("VACUUM ANALYZE contacts_customer")

    def _rows(self, merchant: Merchant, many: int) -> Iterator[tuple[Any, ...]]:
        from zhanggui.contacts import phones
        from zhanggui.contacts.models import Customer
        from zhanggui.contacts.search import of_hash

        chance = self.chance
        now = datetime.now(UTC)
        stores = [store.pk for store in self.stores] if merchant == self.merchant else []
        for n in range(many):
            row = Customer(merchant_id=merchant.pk, number=str(30_000_000 + n * 37))
            row.name, row.name_key, row.sort_key, words = chance.choice(self.names)
            row.search = [*words, *(row.number[:length] for length in range(3, 9))]
            if chance.random() < 0.8:
                phones.put(row, f"+8613{n * 991:09d}" if n else "+8613800138000")
                row.search += [
                    of_hash(bytes(row.phone_hash or b"")),
                    of_hash(bytes(row.phone_tail_hash or b"")),
                ]
            created = now - timedelta(seconds=chance.randrange(1, 4 * 365 * 86400))
            yield (
                merchant.pk,
                row.number,
                row.name,
                row.name_key,
                row.sort_key,
                row.search,
                row.phone_sealed,
                row.phone_hash,
                row.phone_tail_hash,
                chance.choice("fm") if n % 3 else "",
                chance.randrange(1, 13) * 100 + chance.randrange(1, 29) if n % 2 else None,
                "",
                chance.choices(("wechat", "hand", "import"), (900, 1, 99))[0],
                chance.sample(stores, k=min(len(stores), n % 3)),
                self._tags(n) if merchant == self.merchant else [],
                "blocked" if n % 5000 == 17 else "active",
                "",
                n % 3 == 0,
                created,
                created + (now - created) * chance.random(),
            )

    def _tags(self, n: int) -> list[int]:
        # the first tag is on every second customer, the last on one in half a million
        return [tag.pk for at, tag in enumerate(self.tags) if n % 2 ** (at + 1) == 1]

    # -- pages

    def pages(self, client: Client) -> Iterator[tuple[str, str]]:
        """Name and address of each page that is measured."""
        here, tags = self.here, self.tags
        yield "list", here
        yield "list.deep_page", f"{here}?after={self._deep(client)}"
        for order in ("seen", "name", "number", "oldest"):
            yield f"list.sort_{order}", f"{here}?sort={order}"
        searches = {
            "one_sign": "王",
            "two_signs": "小明",
            "three_signs": "王小明",
            "rare_name": "陶梓佑",
            "pinyin": "wangxiaoming",
            "pinyin_begun": "wangx",
            "one_letter": "w",
            "initials": "wxm",
            "mixed": "王xm",
            "phone_tail": "8000",
            "phone": "13800138000",
            "number": "30000370",
            "number_begun": "3000",
            "nothing": "zzzzqq",
        }
        for name, text in searches.items():
            yield f"search.{name}", f"{here}?q={text}"
        filters = {
            "tag_common": f"tag={tags[0].pk}",
            "tag_rare": f"tag={tags[-1].pk}",
            "store": f"store={self.stores[4].pk}",
            "state_blocked": "state=blocked",
            "source_rare": "source=hand",
            "birthday": "birthday=5",
            "no_phone": "phone=none",
            "followed": "followed=yes",
            "created": "created_from=2025-03-01&created_to=2025-03-02",
            "tag_and_store_and_search": f"tag={tags[2].pk}&store={self.stores[1].pk}&q=li",
            "segment": f"segment={self.segment.pk}",
            "segment_of_half": f"segment={self.lost.pk}",
        }
        for name, query in filters.items():
            yield f"filter.{name}", f"{here}?{query}"
        conditions = "".join(
            f"&kind={one['kind']}&value={one['value']}" for one in self.segment.conditions
        )
        yield "segment.count_and_preview", f"{here}segments/preview?x{conditions}"
        yield "tags.page", f"{here}tags/"
        yield "detail", f"{here}{self._some_id()}/"

    def _deep(self, client: Client) -> str:
        """The token of the page in the middle of the table."""
        from zhanggui.contacts.models import Customer
        from zhanggui.core import tenancy
        from zhanggui.ui import paging

        with tenancy.merchant_scope(self.merchant.pk):
            middle = Customer.objects.filter(created_at__lt=datetime.now(UTC) - timedelta(days=730))
            page = paging.keyset(middle, order=("-created_at", "-id"))
        return page.next

    def _some_id(self) -> int:
        return self.world.counted("SELECT max(id) FROM contacts_customer WHERE merchant_id = %(m)s")

    def seq_scans(self) -> int:
        """How many of the list's plans read the whole table; the bad ones are printed."""
        from django.http import QueryDict
        from django.test import Client

        from zhanggui.contacts import selectors
        from zhanggui.core import tenancy

        bad = 0
        for name, path in self.pages(Client()):
            query = QueryDict(path.partition("?")[2])
            if "preview" in path or name in {"detail", "tags.page"}:
                continue
            with tenancy.merchant_scope(self.merchant.pk):
                rows = selectors.found(selectors.Filters.of(query.dict(), zone="Asia/Shanghai"))[
                    :51
                ]
                plan = rows.explain()
            if "Seq Scan on contacts_customer" in plan:
                bad += 1
                print(f"{name}:\n{plan}")
        return bad

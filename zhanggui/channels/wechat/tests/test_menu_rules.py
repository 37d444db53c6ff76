"""What a menu may hold: measured names, four kinds of content, WeChat's form and back."""

from __future__ import annotations

from typing import Any

import pytest

from zhanggui.channels.wechat.client.menus import Button as WechatButton
from zhanggui.channels.wechat.menus import rules
from zhanggui.channels.wechat.menus.rules import Button, Kind

PAGES = {"stamps.wallet": "https://shop.example/w/tea/"}


def button(name: str = "服务", kind: Kind = Kind.SCAN, value: str = "", **more: Any) -> Button:
    return Button(rules.new_id(), name, kind, value, **more)


def parent(*entries: Button, name: str = "服务") -> Button:
    return Button(rules.new_id(), name, entries=entries)


def wrong(*menu: Button) -> list[tuple[str, str]]:
    found = rules.problems(menu, builtin=PAGES, own_host="shop.example")
    return [(one.row, one.field) for one in found if not one.is_hint]


@pytest.mark.spec("repairs D2")
@pytest.mark.spec("repairs U-48")
class TestNames:
    @pytest.mark.parametrize(
        ("name", "is_taken"),
        [
            ("积分商城", True),
            ("积分商城去", False),
            ("Menu1234", True),
            ("Menu12345", False),
            ("会员Card", True),
            ("", False),
            ("☕☕☕☕", True),
            ("👨‍👩‍👧‍👦", False),
        ],
        ids=["4-han", "5-han", "8-latin", "9-latin", "mixed", "empty", "emoji", "25-bytes"],
    )
    def test_of_a_button(self, name: str, is_taken: bool) -> None:
        row = button(name)
        assert wrong(row) == ([] if is_taken else [(row.id, "name")])

    @pytest.mark.parametrize(
        ("name", "is_taken", "is_hinted"),
        [
            ("官网", True, False),
            ("五个汉字的", True, True),
            ("一二三四五六七八", True, True),
            ("一二三四五六七八九", False, False),
        ],
    )
    def test_of_an_entry(self, name: str, is_taken: bool, is_hinted: bool) -> None:
        row = button(name)
        found = rules.problems((parent(row),), builtin=PAGES)
        assert [one.is_hint for one in found] == ([] if is_taken else [False]) + (
            [True] if is_hinted else []
        )


@pytest.mark.spec("platform P19")
@pytest.mark.spec("repairs D3")
@pytest.mark.spec("repairs U-48")
class TestContents:
    @pytest.mark.parametrize(
        ("kind", "value", "is_taken"),
        [
            (Kind.SCAN, "", True),
            (Kind.PAGE, "https://www.example.com/a?b=1", True),
            (Kind.PAGE, "http://www.example.com", False),
            (Kind.PAGE, "https://user:secret@example.com", False),
            (Kind.PAGE, "https://localhost", False),
            (Kind.PAGE, "https://exam ple.com", False),
            (Kind.PAGE, "javascript:alert(1)", False),
            (Kind.PAGE, "https://example.com/" + "a" * 1024, False),
            (Kind.BUILTIN, "stamps.wallet", True),
            (Kind.BUILTIN, "unknown", False),
            (Kind.REPLY, "周一到周五 9:00-18:00", True),
            (Kind.REPLY, "", False),
            (Kind.REPLY, "长" * 601, False),
            (Kind.NONE, "", False),
        ],
    )
    def test_of_a_row(self, kind: Kind, value: str, is_taken: bool) -> None:
        row = button(kind=kind, value=value)
        assert wrong(row) == ([] if is_taken else [(row.id, "value")])

    def test_a_fourth_site_is_refused_ours_does_not_count(self) -> None:
        rows = [
            button(kind=Kind.PAGE, value=f"https://{host}/")
            for host in ("shop.example", "a.example", "b.example", "c.example", "a.example")
        ]
        assert wrong(parent(*rows)) == []
        fourth = button(kind=Kind.PAGE, value="https://d.example/")
        assert wrong(parent(*rows[1:], fourth)) == [(fourth.id, "value")]

    def test_three_buttons_five_entries(self) -> None:
        assert wrong(*(button() for _ in range(3))) == []
        four = [button() for _ in range(4)]
        assert wrong(*four) == [(four[3].id, "row")]
        full = parent(*(button() for _ in range(5)))
        over = parent(*(button() for _ in range(6)))
        assert wrong(full) == []
        assert wrong(over) == [(over.id, "row")]

    def test_a_button_with_entries_has_no_content_of_its_own(self) -> None:
        drawn = rules.as_json((parent(button()),))
        drawn[0] |= {"kind": "reply", "value": "9:00"}
        [read] = rules.read(drawn)
        assert (read.kind, read.value, len(read.entries)) == (Kind.NONE, "", 1)
        [sent] = rules.to_wechat((read,), PAGES.__getitem__)
        assert set(sent.wire()) == {"name", "sub_button"}

    def test_an_empty_menu(self) -> None:
        assert wrong() == [("", "row")]


class TestForms:
    def menu(self) -> tuple[Button, ...]:
        return (
            parent(button("扫码", Kind.SCAN), button("官网", Kind.PAGE, "https://a.example/")),
            button("我的卡", Kind.BUILTIN, "stamps.wallet"),
            button("营业时间", Kind.REPLY, "9:00-18:00"),
        )

    def test_kept_and_read_is_the_same(self) -> None:
        menu = self.menu()
        assert rules.read(rules.as_json(menu)) == menu

    def test_as_wechat_takes_it(self) -> None:
        menu = self.menu()
        sent = [one.wire() for one in rules.to_wechat(menu, PAGES.__getitem__)]
        assert sent == [
            {
                "name": "服务",
                "sub_button": [
                    {"type": "scancode_waitmsg", "name": "扫码", "key": "zg.scan"},
                    {"type": "view", "name": "官网", "url": "https://a.example/"},
                ],
            },
            {"type": "view", "name": "我的卡", "url": "https://shop.example/w/tea/"},
            {"type": "click", "name": "营业时间", "key": f"zg.reply.{menu[2].id}"},
        ]

    def test_back_from_wechat_finds_replies_and_pages_again(self) -> None:
        menu = self.menu()
        sent = rules.to_wechat(menu, PAGES.__getitem__)
        back = rules.from_wechat(sent, known=list(rules.rows(menu)), builtin=PAGES)
        assert back[2] == menu[2]
        assert (back[1].kind, back[1].value) == (Kind.BUILTIN, "stamps.wallet")
        assert [one.kind for one in back[0].entries] == [Kind.SCAN, Kind.PAGE]

    def test_what_we_do_not_know_stays_open(self) -> None:
        [row] = rules.from_wechat([WechatButton("相册", "pic_weixin", key="x")])
        assert (row.name, row.kind) == ("相册", Kind.NONE)

    @pytest.mark.parametrize(
        "content",
        [
            None,
            {},
            ["x"],
            [{"id": "UPPER", "name": "a", "kind": "scan"}],
            [{"id": "a", "name": 1, "kind": "scan"}],
            [{"id": "a", "name": "a", "kind": "other"}],
            [{"id": "a", "name": "a\0", "kind": "scan"}],
            [{"id": "a", "name": "a", "kind": "scan"}, {"id": "a", "name": "b", "kind": "scan"}],
            [{"id": "a", "entries": [{"id": "b", "entries": [{"id": "c"}]}]}],
        ],
    )
    def test_anything_else_is_no_menu(self, content: Any) -> None:
        with pytest.raises(rules.CannotRead):
            rules.read(content)


class TestFaults:
    def test_names_the_longest_name_of_the_level(self) -> None:
        short, long = button("短"), button("长的名字")
        entry = button("更长的名字")
        menu = (short, long, parent(entry))
        assert [one.row for one in rules.faults(40018, menu)] == [long.id]
        assert [one.row for one in rules.faults(40025, menu)] == [entry.id]

    def test_names_the_addresses_of_the_level(self) -> None:
        page, entry = (button(kind=Kind.PAGE, value="https://a.example/") for _ in range(2))
        menu = (page, button(), parent(entry, button()))
        assert [one.row for one in rules.faults(40020, menu)] == [page.id]
        assert [one.row for one in rules.faults(40027, menu)] == [entry.id]
        assert [one.row for one in rules.faults(40054, menu)] == [entry.id]
        assert [one.row for one in rules.faults(65317, menu)] == [page.id, entry.id]

    def test_is_silent_about_other_codes(self) -> None:
        assert rules.faults(48001, (button(),)) == []
        assert rules.faults(None, (button(),)) == []

    def test_without_such_a_row_speaks_of_the_menu(self) -> None:
        assert [one.row for one in rules.faults(40016, (button(),))] == [""]
        assert [one.row for one in rules.faults(40020, (button(),))] == [""]

"""Icons, stamp cards, charts and forms as they reach the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.files.storage import FileSystemStorage
from django.template import Context, Template, engines
from django.test import RequestFactory
from django.utils import translation
from django.utils.translation import gettext_lazy

from zhanggui.ui import assets, icons, stampcard
from zhanggui.ui.charts import Chart, Series
from zhanggui.ui.forms import DigitsInput, LinesInput, PhoneInput

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


def draw(source: str, **values: Any) -> str:
    request = RequestFactory().get("/m/tea/?q=a&after=old")
    return Template(source).render(Context({"request": request, **values}))


class TestIcons:
    def test_takes_the_colour_of_the_text(self) -> None:
        drawn = icons.svg("home", 24)
        assert 'stroke="currentColor"' in drawn
        assert 'width="24"' in drawn
        assert 'aria-hidden="true"' in drawn
        assert "M0 0h24v24H0z" not in drawn

    def test_filled_and_with_a_label(self) -> None:
        drawn = icons.svg("filled/star", label='A "star"')
        assert 'fill="currentColor"' in drawn
        assert 'role="img" aria-label="A &quot;star&quot;"' in drawn

    @pytest.mark.parametrize("name", ["no-such-icon", "../home", "home.svg", ""])
    def test_refuses_what_is_no_icon(self, name: str) -> None:
        with pytest.raises(icons.IconUnknown):
            icons.svg(name)

    def test_every_icon_named_in_a_template_exists(self) -> None:
        for file in TEMPLATES.rglob("*.html"):
            for name in re.findall(r'{% icon "([^"]+)"|icon="([a-z0-9-]+)"', file.read_text()):
                icons.svg("".join(name))


class TestStampcard:
    @pytest.mark.parametrize("size", range(4, 21))
    def test_every_slot_lies_on_the_card(self, size: int) -> None:
        card = stampcard.layout(size=size, filled=2)
        places = {(slot.x, slot.y) for slot in card.slots}
        assert len(places) == size
        assert all(32 <= x <= card.width - 32 and 32 <= y <= card.height - 32 for x, y in places)
        assert stampcard.columns(size) <= 5

    def test_states(self) -> None:
        card = stampcard.layout(size=10, filled=4, fresh=1, seed="a")
        assert [s.number for s in card.slots if s.is_stamped] == [1, 2, 3, 4]
        assert [s.number for s in card.slots if s.is_fresh] == [4]
        assert [s.number for s in card.slots if s.is_next] == [5]
        assert [s.number for s in card.slots if s.is_reward] == [10]
        assert (card.left, card.is_full) == (6, False)

    def test_the_same_card_looks_the_same_and_another_does_not(self) -> None:
        one = stampcard.layout(size=10, filled=4, seed="a")
        assert one == stampcard.layout(size=10, filled=4, seed="a")
        other = stampcard.layout(size=10, filled=4, seed="b")
        assert [s.turn for s in one.slots] != [s.turn for s in other.slots]
        assert all(-9 <= s.turn <= 9 for s in one.slots)

    @pytest.mark.parametrize(("filled", "shown"), [(-1, 0), (11, 10)])
    def test_odd_balances_stay_on_the_card(self, filled: int, shown: int) -> None:
        assert stampcard.layout(size=10, filled=filled).filled == shown

    def test_component(self) -> None:
        source = '<c-ui.stampcard :size="10" :filled="9" reward="一杯茶" mark="茶" seed="a" />'
        with translation.override("zh-hans"):
            drawn = draw(compiled(source))
        assert drawn.count("zg-seal-ground") == 9
        assert "再集 1 个章，得一杯茶" in drawn
        assert 'aria-label="10 格集章卡，已集 9 个章"' in drawn

    def test_what_is_won_next_comes_first(self) -> None:
        source = '<c-ui.stampcard :size="4" :filled="{}" :ways="ways" reward="一杯茶" seed="a" />'
        said = {}
        with translation.override("zh-hans"):
            for filled in (1, 2):
                ways = [{"at": 2, "name": "小茶点"}, {"at": 4, "name": "一杯茶"}]
                said[filled] = draw(compiled(source.format(filled)), ways=ways)

        assert "再集 1 个章，得小茶点" in said[1]
        assert "得一杯茶" not in said[1]
        assert "第 4 个章" in said[1]
        assert "再集 2 个章，得一杯茶" in said[2]

    def test_rewards_on_the_way_are_named_below_the_slots(self) -> None:
        ways = [
            {"at": 10, "name": "一壶茶"},
            {"at": 7, "name": "<b>酥</b>"},
            {"at": 3, "name": "糖"},
        ]
        card = stampcard.layout(size=10, filled=4, ways=ways)
        assert [s.number for s in card.slots if s.is_reward] == [3, 7, 10]
        assert [(way.number, way.left, way.is_next) for way in card.ways] == [
            (3, 0, False),
            (7, 3, True),
        ]
        with translation.override("zh-hans"):
            drawn = draw(
                compiled('<c-ui.stampcard :size="10" :filled="4" :ways="ways" seed="a" />'),
                ways=ways,
            )
        assert "已集到" in drawn
        assert "还差 3 个" in drawn
        assert "&lt;b&gt;酥" in drawn
        assert "一壶茶" not in drawn

    def test_a_mark_cannot_bring_markup(self) -> None:
        assert "<b>" not in stampcard.seal("<b", 0)


def compiled(source: str) -> str:
    loader = engines["django"].engine.template_loaders[0].loaders[0]  # type: ignore[attr-defined]
    return str(loader.cotton_compiler.process(source))


class TestChart:
    def test_picture_and_table_show_the_same(self) -> None:
        chart = Chart(
            ["11-21", "11-22"], [Series("集章", [3, 4]), Series("取消", [0, 1])], unit="次"
        )
        assert chart.rows == [("11-21", ["3", "0"]), ("11-22", ["4", "1"])]

        drawn = draw(
            compiled('<c-ui.chart id="c" title="t" :chart="chart" head="日" />'), chart=chart
        )
        assert '<script id="c-data" type="application/json">' in drawn
        assert '"values": [3, 4]' in drawn
        assert drawn.count('<td class="num">') == 4

    def test_names_cannot_end_the_script(self) -> None:
        chart = Chart(["</script>"], [Series(gettext_lazy("x"), [1])])
        assert "</script><" not in draw('{% chart_json chart "c" %}', chart=chart)
        assert draw('{% chart_json chart "c" %}', chart=chart).count("</script>") == 1


class Sample(forms.Form):
    name = forms.CharField(help_text="shown to customers")
    phone = forms.CharField(widget=PhoneInput(), required=False)
    digits = forms.CharField(widget=DigitsInput())
    agreed = forms.BooleanField()
    kind = forms.ChoiceField(widget=forms.RadioSelect(), choices=[("a", "A"), ("b", "B")])
    city = forms.ChoiceField(choices=[("sh", "上海")])
    token = forms.CharField(widget=forms.HiddenInput(), required=False)


class TestForms:
    def test_widgets_get_the_kits_classes(self) -> None:
        drawn = str(Sample())
        assert '<input type="text" name="name"' in drawn
        assert drawn.count("form-select") == 1
        assert drawn.count('class="form-check-input"') == 3
        assert 'type="hidden" name="token" id="id_token"' in drawn
        assert drawn.count("(optional)") + drawn.count("（选填）") == 1

    def test_digits_are_one_plain_input_with_boxes_drawn_behind(self) -> None:
        drawn = str(Sample()["digits"])
        assert drawn.count("<input") == 1
        assert 'name="digits"' in drawn
        assert 'inputmode="numeric"' in drawn
        assert 'autocomplete="one-time-code"' in drawn
        assert drawn.count("<span></span>") == 6

    def test_help_and_error_belong_to_the_field(self) -> None:
        drawn = str(Sample({"name": ""})["name"].as_field_group())
        assert 'aria-describedby="id_name_helptext id_name_error"' in drawn
        assert 'aria-invalid="true"' in drawn
        assert 'id="id_name_helptext"' in drawn
        assert 'id="id_name_error"' in drawn

    def test_the_summary_leads_to_each_field(self) -> None:
        form = Sample({"name": "x", "kind": "z", "city": "sh", "digits": "1", "agreed": "on"})
        drawn = str(form)
        assert drawn.count('role="alert" tabindex="-1"') == 1
        assert '<a href="#id_kind">' in drawn

    def test_values_are_escaped(self) -> None:
        assert "<b>" not in str(Sample({"name": '"><b>'})["name"])


class TestTags:
    def test_the_address_with_other_parameters(self) -> None:
        assert draw('{% href_with after="new" %}') == "?q=a&amp;after=new"
        assert draw('{% href_with after="" q=None %}') == "/m/tea/"

    def test_times_carry_the_exact_moment(self) -> None:
        from datetime import UTC, datetime

        moment = datetime(2020, 1, 2, 3, 4, tzinfo=UTC)
        with translation.override("zh-hans"):
            drawn = draw("{{ at|ago }}", at=moment)
        expected = "2020年1月2日 周四 11:04"
        assert drawn == (
            f'<time datetime="2020-01-02T03:04:00+00:00" title="{expected}">{expected}</time>'
        )
        assert draw("{{ at|moment }}{{ at|ago }}", at=None) == "——"

    @pytest.mark.parametrize(
        ("source", "drawn"),
        [
            ("{{ 3|signed }}{{ -2|signed }}{{ 0|signed }}", "+3−20"),
            ("{{ '048213'|groups_of_three|join:' ' }}", "048 213"),
            ("{{ 172|clock_face }} {{ -1|clock_face }}", "2:52 0:00"),
            ("{{ 45|ring_offset:180 }} {{ 0|ring_offset:0 }}", "75.0 100.0"),
            ("{{ '陈思远'|initial }}{{ 'anna'|initial }}{{ ' '|initial }}", "陈A?"),
            ("{{ '陈思远'|tint }}{{ '陈**'|tint }}", "11"),
            ("{{ ''|dash }}{{ 0|dash }}", "—0"),
        ],
    )
    def test_filters(self, source: str, drawn: str) -> None:
        assert draw(source) == drawn


class TestAssets:
    def test_listed_files_are_found_and_no_others(self) -> None:
        finder = assets.VendorFinder()
        assert finder.check() == []
        listed = dict(finder.list([]))
        assert set(listed) == set(assets.VENDOR_FILES)
        for path, storage in listed.items():
            assert isinstance(storage, FileSystemStorage)
            assert storage.exists(path)
            assert finder.find(path) == storage.path(path)
        assert finder.find("vendor/tabler/tabler.css") is None
        assert finder.find("vendor/../package.json", find_all=True) == []

    def test_missing_packages_stop_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(assets, "NODE_MODULES", Path("/nowhere"))
        assert [fault.id for fault in assets.VendorFinder().check()] == ["ui.E001"]


def test_a_new_line_is_one_sign() -> None:
    field = forms.CharField(widget=LinesInput, max_length=3)
    sent = field.widget.value_from_datadict({"note": "一\r\n二"}, {}, "note")
    assert field.clean(sent) == "一\n二"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        (forms.CharField(max_length=3), "四个字啊", "最多 3 个字，现在有 4 个。"),
        (forms.CharField(min_length=3), "两字", "至少 3 个字，现在只有 2 个。"),
        (forms.IntegerField(), "三", "请填写整数。"),
        (forms.DateField(), "2026-02-30", "请填写正确的日期。"),
        (forms.ChoiceField(choices=[("a", "A")]), "b", "没有“b”这个选项，请重新选择。"),
    ],
    ids=["long", "short", "number", "date", "choice"],
)
def test_common_mistakes_are_told_as_people_say_them(
    field: forms.Field, typed: str, said: str
) -> None:
    with translation.override("zh-hans"):
        with pytest.raises(forms.ValidationError) as refused:
            field.clean(typed)
        assert refused.value.messages == [said]

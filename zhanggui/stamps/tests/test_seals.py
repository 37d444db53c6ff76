"""Physical stamps: made, enrolled on two phones, suspended, moved, retired, lost; their pages."""

from __future__ import annotations

import json
import struct
from datetime import timedelta
from itertools import product

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff, make_store
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    EnrolmentOver,
    ReasonMissing,
    Replayed,
    SealNameTaken,
    SealStep,
    SealTooAlike,
    SealUnfit,
    StampUnknown,
)
from zhanggui.stamps.models import Press, PressUse, Seal, SealState
from zhanggui.stamps.recognition import generator
from zhanggui.stamps.selectors import seal_lists
from zhanggui.stamps.tests.factories import Shop, balance_of, make_shop
from zhanggui.stamps.tests.offices import Office
from zhanggui.stamps.tests.pressing import (
    PHONE,
    T1,
    T2,
    T3,
    enrol,
    make_seal,
    points_px,
    press,
    sent,
    sent_text,
)

HTMX = {"HX-Request": "true"}


def state_of(seal: Seal) -> str:
    return Seal.objects.values_list("state", flat=True).get(pk=seal.pk)


class TestMake:
    @pytest.mark.edge("seal new>DRAFT")
    def test_a_new_pattern_is_unlike_all_others_of_the_shop(self, shop: Shop) -> None:
        made = [services.make_seal(name=f"{n}号", store=shop.store, actor=ACTOR) for n in range(4)]

        assert all(generator.why_not(seal.points) == "" for seal in made)
        for seal in made:
            with pytest.raises(SealTooAlike):
                services.make_seal(name="仿", store=shop.store, points=seal.points, actor=ACTOR)
        assert [state_of(seal) for seal in made] == ["draft"] * 4
        assert AuditEntry.objects.filter(action="stamps.seal.made").count() == 4

    @pytest.mark.spec("stamps press 19")
    def test_a_pattern_like_one_that_exists_is_refused(self, shop: Shop) -> None:
        make_seal(shop.store, T1, name="总店")

        with pytest.raises(SealTooAlike) as refused:
            services.make_seal(name="新", store=shop.store, points=T3, actor=ACTOR)
        assert refused.value.details == {"name": "总店", "distance": "0.62"}
        assert Seal.objects.count() == 1

    def test_also_like_one_that_was_lost(self, shop: Shop) -> None:
        make_seal(shop.store, T1, state=SealState.LOST)
        with pytest.raises(SealTooAlike):
            services.make_seal(name="新", store=shop.store, points=T1, actor=ACTOR)

    def test_another_shop_may_have_the_same(self, shop: Shop) -> None:
        make_seal(shop.store, T1)
        other = make_shop("other")
        with other.scope:
            assert make_seal(other.store, T1).pk

    def test_a_name_is_there_once(self, shop: Shop) -> None:
        make_seal(shop.store, T1, name="一号")
        with pytest.raises(SealNameTaken):
            services.make_seal(name="一号", store=shop.store, actor=ACTOR)

    def test_no_pattern_at_all(self, shop: Shop) -> None:
        with pytest.raises(SealUnfit):
            services.make_seal(name="x", store=shop.store, points=T1[:4], actor=ACTOR)


class TestStates:
    def test_only_the_steps_of_the_table(self, shop: Shop) -> None:
        seal = make_seal(shop.store)
        allowed = set()
        for before, to in product(SealState, SealState):
            Seal.objects.filter(pk=seal.pk).update(state=before)
            try:
                services.step_seal(seal_id=seal.pk, to=to, reason="x", actor=ACTOR)
            except DomainError as refusal:
                assert isinstance(refusal, SealStep)  # noqa: PT017
                assert state_of(seal) == before
            else:
                allowed.add((before.value, to.value))

        ends = {"retired", "lost"}
        assert allowed == {
            ("draft", "enrolling"),
            ("active", "suspended"),
            ("suspended", "active"),
            *((before, end) for before in set(SealState.values) - ends for end in ends),
        }

    @pytest.mark.parametrize("to", ["suspended", "retired", "lost"])
    def test_taking_out_of_use_needs_a_reason(self, shop: Shop, to: str) -> None:
        seal = make_seal(shop.store)
        with pytest.raises(ReasonMissing):
            services.step_seal(seal_id=seal.pk, to=SealState(to), reason=" ", actor=ACTOR)
        assert state_of(seal) == "active"

    def test_each_step_is_kept(self, shop: Shop) -> None:
        seal = make_seal(shop.store)
        services.step_seal(seal_id=seal.pk, to=SealState.SUSPENDED, reason="裂了", actor=ACTOR)
        services.step_seal(seal_id=seal.pk, to=SealState.ACTIVE, reason="", actor=ACTOR)
        steps = [(c.from_state, c.to_state, c.reason) for c in seal.changes.order_by("pk")]

        assert steps[-2:] == [("active", "suspended", "裂了"), ("suspended", "active", "")]

    def test_moves_to_another_store_with_its_presses_left_behind(self, shop: Shop) -> None:
        seal, other = make_seal(shop.store), make_store(shop.merchant)
        press(shop.card)
        services.move_seal(seal_id=seal.pk, store=other, actor=ACTOR)
        press(shop.card)

        assert [row.store_id for row in shop.records()] == [shop.store.pk, other.pk]
        Seal.objects.filter(pk=seal.pk).update(state="lost")
        with pytest.raises(SealStep):
            services.move_seal(seal_id=seal.pk, store=shop.store, actor=ACTOR)


class TestEnrolment:
    @pytest.fixture
    def seal(self, shop: Shop) -> Seal:
        return make_seal(shop.store, state=SealState.ENROLLING)

    @pytest.mark.edge("seal ENROLLING>ACTIVE")
    def test_five_good_presses_on_two_phones(self, shop: Shop, seal: Seal) -> None:
        for _ in range(5):
            enrol(seal, "phone-one")
        assert state_of(seal) == "enrolling"

        done = enrol(seal, "phone-two")
        assert (done.good, done.phones, done.is_done) == (6, 2, True)
        assert state_of(seal) == "active"
        press(shop.card)
        assert balance_of(shop.card) == 1

    def test_four_on_two_phones_are_too_few(self, seal: Seal) -> None:
        for phone in ("one", "two", "one", "two"):
            enrol(seal, phone)
        assert state_of(seal) == "enrolling"
        enrol(seal, "one")
        assert state_of(seal) == "active"

    def test_another_stamp_does_not_count(self, seal: Seal) -> None:
        with pytest.raises(StampUnknown):
            enrol(seal, "one", points_px(T2))
        assert services.progress_of(seal).good == 0
        assert Press.objects.get().outcome == "E_STAMP_UNKNOWN"

    def test_a_recording_sent_again_does_not_count(self, seal: Seal) -> None:
        points = points_px(T1)
        enrol(seal, "one", points)
        with pytest.raises(Replayed):
            enrol(seal, "two", points)
        assert services.progress_of(seal).good == 1

    def test_an_enrolled_stamp_takes_no_more(self, shop: Shop) -> None:
        with pytest.raises(EnrolmentOver):
            enrol(make_seal(shop.store), "one")

    def test_a_stamp_that_is_not_enrolled_gives_nothing(self, shop: Shop, seal: Seal) -> None:
        with pytest.raises(DomainError) as refused:
            press(shop.card)
        assert refused.value.code == "E_PRESS_OFF"

    def test_measuring_changes_no_state(self, shop: Shop) -> None:
        seal = make_seal(shop.store)
        link = services.read_link(services.phone_link(seal=seal, use=PressUse.MEASURE))
        for _ in range(6):
            made = sent(points_px(T1))
            services.enrol_press(link=link, sent=made, phone="p", actor=ACTOR)
        assert state_of(seal) == "active"
        assert Press.objects.filter(use="measure", outcome="ok").count() == 6

    def test_a_link_lives_30_minutes_and_is_signed(self, seal: Seal) -> None:
        token = services.phone_link(seal=seal, use=PressUse.ENROL)
        assert services.read_link(token).seal == seal
        with pytest.raises(EnrolmentOver):
            services.read_link(token[:-1] + ("a" if token[-1] != "a" else "b"))
        later = clock.now() + timedelta(minutes=30, seconds=2)
        with clock.at(later), pytest.raises(EnrolmentOver):
            services.read_link(token)


class TestOffice:
    @pytest.mark.edge("seal new>DRAFT", "seal ENROLLING>ACTIVE")
    def test_from_a_new_pattern_to_a_stamp_in_use(
        self, office: Office, shop: Shop, client: Client
    ) -> None:
        made = office.post("seal_new", name="一号章", store=shop.store.pk)
        seal = Seal.objects.get()
        assert made["Location"] == office.url("seal", seal.pk)
        assert "草稿" in office.page("seal", seal.pk)

        office.post("seal_enrol", seal.pk)
        page = office.page("seal", seal.pk)
        assert "已盖好 0 次" in page
        path = next(
            part.split('"')[0] for part in page.split("testserver") if "/enrol/" in part[:200]
        )
        phone = Client(headers={"User-Agent": PHONE})
        assert "登记印章" in phone.get(path).content.decode()
        said = []
        for name in ("p0", "p0", "p0", "p0", "p0", "p1", "p1"):
            values = {"press": sent_text(points_px(seal.points)), "phone": name}
            answer = phone.post(f"{path}/press", values, headers=HTMX)
            assert answer.status_code == 200, answer.content.decode()
            said.append(answer.content.decode())
        assert "第二部手机" not in said[3]
        assert "换第二部手机扫电脑上的二维码，再盖 1 次" in said[4]
        for last in (*said[5:], phone.get(path).content.decode()):  # also one press too many
            assert "登记完成" in last
            assert "可以收起" in last
        assert office.client.get(office.url("seal_progress", seal.pk))["HX-Refresh"] == "true"
        assert "使用中" in office.page("seal", seal.pk)
        assert "一号章" in office.page("seals")

    def test_what_was_wrong_stands_at_the_field(self, office: Office, shop: Shop) -> None:
        make_seal(shop.store, T1, name="一号章")
        again = office.post("seal_new", name="一号章", store=shop.store.pk)
        alike = office.post(
            "seal_new", name="二号", store=shop.store.pk, points="-10,0 5,-16 17,4 -3,0 -10,10"
        )

        assert (again.status_code, alike.status_code) == (409, 409)
        assert "已有同名的印章" in again.content.decode()
        assert "0.62" in alike.content.decode()
        assert Seal.objects.count() == 1

    def test_steps_and_moving(self, office: Office, shop: Shop) -> None:
        seal, other = make_seal(shop.store), make_store(shop.merchant)
        office.post("seal_step", seal.pk, to="suspended", reason="换章芯")
        assert state_of(seal) == "suspended"
        office.post("seal_step", seal.pk, to="active")
        office.post("seal_move", seal.pk, store=other.pk)
        seal.refresh_from_db()
        assert (seal.state, seal.store_id) == ("active", other.pk)
        refused = office.post("seal_step", seal.pk, to="draft")
        assert refused.status_code == 409
        assert office.post("seal_step", seal.pk, to="x").status_code == 404

    def test_files(self, office: Office, shop: Shop) -> None:
        seal = make_seal(shop.store)
        stl = office.client.get(office.url("seal_pattern", seal.pk, "stl"))
        svg = office.client.get(office.url("seal_pattern", seal.pk, "svg"))
        numbers = office.client.get(office.url("seal_pattern", seal.pk, "json"))

        (count,) = struct.unpack_from("<I", stl.content, 80)
        assert len(stl.content) == 84 + 50 * count
        assert svg.content.startswith(b"<svg")
        assert json.loads(numbers.content)["points_mm"] == T1
        assert "attachment" in stl["Content-Disposition"]
        assert office.client.get(office.url("seal_pattern", seal.pk, "exe")).status_code == 404
        assert "50 mm" in office.page("seal_print", seal.pk)

    def test_presses_and_phones(self, office: Office, shop: Shop) -> None:
        seal = make_seal(shop.store)
        press(shop.card)
        with pytest.raises(StampUnknown):
            press(shop.card, points_px(T2))

        page = office.page("presses")
        assert page.count("E_STAMP_UNKNOWN") == 1
        assert "E_STAMP_UNKNOWN" not in office.page("presses", outcome="ok")
        assert "V2055A" in office.page("press_phones")
        assert "/enrol/" in office.page("press_phones", seal=seal.pk)

    def test_without_a_stamp_there_is_nothing_to_choose(self, office: Office, shop: Shop) -> None:
        page = office.page("press_phones")
        assert "先新增一枚印章" in page
        assert 'name="seal"' not in page
        make_seal(shop.store)
        assert 'name="seal"' in office.page("press_phones")

    def test_the_share_of_codes_is_told(self, office: Office, shop: Shop) -> None:
        make_seal(shop.store)
        press(shop.card)
        assert "0.0%" in office.page("seals")

    def test_presses_to_enrol_are_no_stamps_given(self, office: Office, shop: Shop) -> None:
        seal = make_seal(shop.store, state=SealState.ENROLLING)
        enrol(seal, "phone-one")
        Seal.objects.filter(pk=seal.pk).update(state="active")
        press(shop.card)
        row = seal_lists.seals({}, search="").get()
        assert vars(row)["presses"] == seal_lists.shares().by_press == 1
        assert office.page("seals").count("30 天盖章集章") >= 2

    def test_a_clerk_sees_and_changes_nothing(self, client: Client, shop: Shop) -> None:
        seal = make_seal(shop.store)
        client.force_login(make_staff(shop.merchant, role=Role.CLERK))
        office = Office(client, shop)

        assert seal.name in office.page("seals")
        assert office.post("seal_step", seal.pk, to="lost", reason="x").status_code == 403
        assert office.post("seal_new", name="x", store=shop.store.pk).status_code == 403
        assert state_of(seal) == "active"

    def test_the_phone_page_without_a_link(self, shop: Shop) -> None:
        path = reverse("stamps:enrol_phone", args=[shop.merchant.slug, "nothing"])
        assert Client().get(path).status_code == 410


@pytest.fixture
def office(client: Client, shop: Shop) -> Office:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return Office(client, shop)

"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.stamps.views import (
    adjusting,
    cases,
    managers,
    mobile,
    office,
    pressing,
    programmes,
    redeeming,
    seals,
    staff,
)

app_name = "stamps"

WALLET = "w/<slug:merchant>/"
CARD = f"{WALLET}cards/<slug:token>/"
OFFICE = "m/<slug:merchant>/stamps/"
STORE = "m/<slug:merchant>/stores/<int:store_id>/managers"

urlpatterns: list[URLPattern | URLResolver] = [
    path(WALLET, mobile.wallet, name="wallet"),
    path(f"{WALLET}join", mobile.join, name="join"),
    path(f"{WALLET}phone-test", pressing.doctor, name="doctor"),
    path(f"{WALLET}phone-test/send", pressing.doctor_send, name="doctor_send"),
    path(CARD, mobile.card, name="card"),
    path(f"{CARD}begin", mobile.begin, name="card_begin"),
    path(f"{CARD}more", mobile.more, name="card_more"),
    path(f"{CARD}cancel", mobile.cancel_layer, name="card_cancel"),
    path(f"{CARD}live", mobile.live, name="card_live"),
    path(f"{CARD}press/allow", pressing.allow, name="press_allow"),
    path(f"{CARD}press", pressing.press, name="press"),
    path(f"{CARD}code", mobile.request_code, name="card_code"),
    path(f"{CARD}code/revoke", mobile.revoke_code, name="card_code_revoke"),
    path(f"{WALLET}n/<slug:token>", cases.told, name="told"),
    path("staff/", staff.desk, name="desk"),
    path("staff/bar", staff.bar, name="staff_bar"),
    path("staff/preview", staff.preview, name="staff_preview"),
    path("staff/confirm", staff.confirm, name="staff_confirm"),
    path("staff/redeem", redeeming.confirm, name="staff_redeem"),
    path("staff/redeem/undo", redeeming.undo, name="staff_undo"),
    path("staff/stamp/undo", redeeming.undo_stamp, name="staff_undo_stamp"),
    path("staff/redemptions", redeeming.ledger, name="staff_redemptions"),
    path("staff/data", staff.figures, name="staff_figures"),
    path("staff/data/customers", staff.customers, name="staff_customers"),
    path("staff/data/attempts", staff.attempts, name="staff_attempts"),
    path("staff/data/waiting", staff.waiting, name="staff_live"),
    path("staff/ledger", staff.ledger, name="staff_ledger"),
    path("staff/press", pressing.desk_door, name="desk_door"),
    path("staff/press/send", pressing.desk_press, name="desk_press"),
    path("staff/leave", staff.leave, name="staff_leave"),
    path(OFFICE, programmes.programmes, name="programmes"),
    path(f"{OFFICE}programmes/new", programmes.programme_new, name="programme_new"),
    path(f"{OFFICE}programmes/sample", programmes.programme_sample, name="programme_sample"),
    path(f"{OFFICE}programmes/<int:programme_id>/", programmes.programme, name="programme"),
    path(
        f"{OFFICE}programmes/<int:programme_id>/state",
        programmes.programme_state,
        name="programme_state",
    ),
    path(f"{OFFICE}seals/", seals.seals, name="seals"),
    path(f"{OFFICE}seals/new", seals.seal_new, name="seal_new"),
    path(f"{OFFICE}seals/presses/", seals.presses, name="presses"),
    path(f"{OFFICE}seals/phones/", seals.phones, name="press_phones"),
    path(f"{OFFICE}seals/<int:seal_id>/", seals.seal, name="seal"),
    path(f"{OFFICE}seals/<int:seal_id>/step", seals.step, name="seal_step"),
    path(f"{OFFICE}seals/<int:seal_id>/move", seals.move, name="seal_move"),
    path(f"{OFFICE}seals/<int:seal_id>/enrol", seals.enrol, name="seal_enrol"),
    path(f"{OFFICE}seals/<int:seal_id>/progress", seals.progress, name="seal_progress"),
    path(f"{OFFICE}seals/<int:seal_id>/pattern.<str:form>", seals.pattern, name="seal_pattern"),
    path(f"{OFFICE}seals/<int:seal_id>/print", seals.sheet, name="seal_print"),
    path(f"{WALLET}enrol/<str:token>", seals.phone, name="enrol_phone"),
    path(f"{WALLET}enrol/<str:token>/press", seals.phone_press, name="enrol_press"),
    path(
        f"{OFFICE}programmes/<int:programme_id>/copy",
        programmes.programme_copy,
        name="programme_copy",
    ),
    path(f"{OFFICE}ledger/", office.ledger, name="ledger"),
    path(f"{OFFICE}ledger/<int:record_id>/cancel", office.cancel, name="cancel"),
    path(f"{OFFICE}figures/", office.figures, name="figures"),
    path(f"{OFFICE}visitors/", office.visitors, name="visitors"),
    path(f"{OFFICE}cards/", office.cards, name="cards"),
    path(f"{OFFICE}cards/<int:card_id>/", office.card, name="office_card"),
    path(f"{OFFICE}cards/<int:card_id>/adjust", adjusting.adjust, name="adjust"),
    path(f"{OFFICE}adjustments/", adjusting.adjustments, name="adjustments"),
    path(
        f"{OFFICE}adjustments/<int:adjustment_id>/decide",
        adjusting.decide,
        name="adjustment_decide",
    ),
    path(f"{OFFICE}limits/", adjusting.limits, name="limits"),
    path(f"{OFFICE}reports/", cases.reports, name="reports"),
    path(f"{OFFICE}reports/<int:case_id>/", cases.report, name="report"),
    path(STORE, managers.managers, name="managers"),
    path(f"{STORE}/invite", managers.invite, name="invite"),
    path(f"{STORE}/invitations/<int:invitation_id>", managers.invitation, name="invitation"),
    path(
        f"{STORE}/invitations/<int:invitation_id>/qr.png",
        managers.invitation_picture,
        name="invitation_picture",
    ),
    path(f"{STORE}/invitations/<int:invitation_id>/revoke", managers.revoke, name="revoke"),
    path(f"{STORE}/pending/<int:pending_id>", managers.decide, name="decide"),
    path(f"{STORE}/<int:binding_id>/remove", managers.remove, name="remove"),
]

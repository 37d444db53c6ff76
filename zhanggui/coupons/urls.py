"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.coupons.views import mobile, office, pictures, told

app_name = "coupons"
WALLET = "w/<slug:merchant>/coupons/"
COUPON = f"{WALLET}<slug:token>/"
OFFICE = "m/<slug:merchant>/coupons/"
TEMPLATE = f"{OFFICE}templates/<int:coupon_template_id>/"
ONE = f"{OFFICE}<int:coupon_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(WALLET, mobile.wallet, name="wallet"),
    path(COUPON, mobile.coupon, name="coupon"),
    path(f"{COUPON}redeem", mobile.start, name="start"),
    path(f"{COUPON}code", mobile.request_code, name="code"),
    path(f"{COUPON}code/revoke", mobile.revoke_code, name="code_revoke"),
    path(f"{COUPON}live", mobile.live, name="live"),
    path(f"{COUPON}give", mobile.give, name="give"),
    path(f"{COUPON}keep", mobile.keep, name="keep"),
    path("w/<slug:merchant>/gifts/<slug:token>/", mobile.gift, name="gift"),
    path("w/<slug:merchant>/take/<slug:token>/", mobile.take, name="take"),
    path("w/<slug:merchant>/u/<slug:token>", told.told, name="told"),
    path(OFFICE, office.coupons, name="coupons"),
    path(f"{OFFICE}redemptions/", office.redemptions, name="redemptions"),
    path(f"{OFFICE}redemptions/<int:use_id>/undo", office.undo, name="undo"),
    path(f"{OFFICE}issue", office.issue, name="issue"),
    path(f"{OFFICE}templates/", office.templates, name="templates"),
    path(f"{OFFICE}templates/new", office.template_new, name="template_new"),
    path(TEMPLATE, office.template, name="template"),
    path(f"{TEMPLATE}edit", office.template_edit, name="template_edit"),
    path(f"{TEMPLATE}state", office.template_state, name="template_state"),
    path(f"{TEMPLATE}picture", pictures.template_picture, name="template_picture"),
    path(f"{TEMPLATE}segment", office.segment, name="segment"),
    path(f"{TEMPLATE}links/new", office.link_new, name="link_new"),
    path(f"{OFFICE}links/<int:coupon_link_id>/close", office.link_close, name="link_close"),
    path(
        f"{OFFICE}links/<int:coupon_link_id>/code.<slug:kind>",
        office.link_picture,
        name="link_picture",
    ),
    path(ONE, office.coupon, name="office_coupon"),
    path(f"{ONE}<slug:what>", office.change, name="change"),
]

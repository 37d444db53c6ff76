"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.accounts.views import merchant, overview, own, public, search, tiers

app_name = "accounts"
MERCHANT = "m/<slug:merchant>/"
OPERATOR = "operator/<slug:operator>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", public.home, name="home"),
    path("login", public.login, name="login"),
    path("logout", public.logout, name="logout"),
    path("choose", public.choose, name="choose"),
    path("me/", own.profile, name="profile"),
    path("me/name", own.rename, name="rename"),
    path("me/password", own.change_password, name="change_password"),
    path("me/sessions/end", own.end_session, name="end_session"),
    path("platform/", tiers.platform, name="platform"),
    path("platform/overview/", overview.platform_overview, name="platform_overview"),
    path("platform/figures/<str:name>/", overview.platform_figure, name="platform_figure"),
    path("platform/find", search.platform_find, name="platform_find"),
    path("platform/new-merchant", tiers.platform_merchant_new, name="platform_merchant_new"),
    path("platform/merchants/<slug:slug>/", tiers.platform_merchant, name="platform_merchant"),
    path("platform/merchants/<slug:slug>/state", tiers.platform_freeze, name="platform_freeze"),
    path("platform/merchants/<slug:slug>/reset", tiers.platform_reset, name="platform_reset"),
    path("platform/operators/", tiers.operators, name="operators"),
    path("platform/operators/new", tiers.operator_new, name="operator_new"),
    path(OPERATOR, tiers.operator, name="operator"),
    path(f"{OPERATOR}overview/", overview.operator_overview, name="operator_overview"),
    path(f"{OPERATOR}figures/<str:name>/", overview.operator_figure, name="operator_figure"),
    path(f"{OPERATOR}find", search.operator_find, name="operator_find"),
    path(f"{OPERATOR}new-merchant", tiers.operator_merchant_new, name="operator_merchant_new"),
    path(f"{OPERATOR}merchants/<slug:slug>/", tiers.operator_merchant, name="operator_merchant"),
    path(f"{OPERATOR}merchants/<slug:slug>/state", tiers.operator_freeze, name="operator_freeze"),
    path(MERCHANT, overview.overview, name="overview"),
    path(f"{MERCHANT}find", search.find, name="find"),
    path(f"{MERCHANT}stores/", merchant.stores, name="stores"),
    path(f"{MERCHANT}stores/new", merchant.store_new, name="store_new"),
    path(f"{MERCHANT}stores/<int:store_id>/", merchant.store, name="store"),
    path(f"{MERCHANT}stores/<int:store_id>/edit", merchant.store_edit, name="store_edit"),
    path(f"{MERCHANT}stores/<int:store_id>/close", merchant.store_close, name="store_close"),
    path(f"{MERCHANT}stores/<int:store_id>/reopen", merchant.store_reopen, name="store_reopen"),
    path(f"{MERCHANT}staff/", merchant.staff, name="staff"),
    path(f"{MERCHANT}staff/new", merchant.staff_new, name="staff_new"),
    path(f"{MERCHANT}staff/<int:membership_id>/", merchant.staff_edit, name="staff_edit"),
    path(f"{MERCHANT}staff/<int:membership_id>/remove", merchant.staff_remove, name="staff_remove"),
    path(f"{MERCHANT}audit/", merchant.audit_log, name="audit"),
]

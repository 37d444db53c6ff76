"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.accounts import tier_urls
from zhanggui.accounts.views import (
    audit,
    invitations,
    merchant,
    overview,
    own,
    preferences,
    public,
    roles,
    search,
    staff,
    support,
)

app_name = "accounts"
MERCHANT = "m/<slug:merchant>/"
OPERATOR = "operator/<slug:operator>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", public.home, name="home"),
    path("logout", public.logout, name="logout"),
    path("choose", public.choose, name="choose"),
    path("me/", own.profile, name="profile"),
    path("me/name", own.rename, name="rename"),
    path("me/password", own.change_password, name="change_password"),
    path("me/sessions/end", own.end_session, name="end_session"),
    path("me/sessions/end-others", own.end_other_sessions, name="end_other_sessions"),
    *tier_urls.urlpatterns,
    path("platform/overview/", overview.platform_overview, name="platform_overview"),
    path("platform/figures/<str:name>/", overview.platform_figure, name="platform_figure"),
    path("platform/find", search.platform_find, name="platform_find"),
    path(f"{OPERATOR}overview/", overview.operator_overview, name="operator_overview"),
    path(f"{OPERATOR}figures/<str:name>/", overview.operator_figure, name="operator_figure"),
    path(f"{OPERATOR}find", search.operator_find, name="operator_find"),
    path(MERCHANT, overview.overview, name="overview"),
    path(f"{MERCHANT}find", search.find, name="find"),
    path(f"{MERCHANT}logo/", merchant.logo, name="logo"),
    path(f"{MERCHANT}stores/", merchant.stores, name="stores"),
    path(f"{MERCHANT}stores/new", merchant.store_new, name="store_new"),
    path(f"{MERCHANT}stores/<int:store_id>/", merchant.store, name="store"),
    path(f"{MERCHANT}stores/<int:store_id>/edit", merchant.store_edit, name="store_edit"),
    path(f"{MERCHANT}stores/<int:store_id>/close", merchant.store_close, name="store_close"),
    path(f"{MERCHANT}stores/<int:store_id>/reopen", merchant.store_reopen, name="store_reopen"),
    *staff.addresses,
    *invitations.addresses,
    *roles.addresses,
    path("invite/<str:token>", invitations.invited, name="invited"),
    path("me/places/<int:membership_id>/leave", staff.leave, name="leave"),
    path("me/support/<int:session_id>/end", support.support_leave, name="support_leave"),
    path(
        "platform/merchants/<slug:slug>/support", support.platform_support, name="platform_support"
    ),
    path(
        f"{OPERATOR}merchants/<slug:slug>/support",
        support.operator_support,
        name="operator_support",
    ),
    path(f"{MERCHANT}support/", support.support, name="support"),
    path(f"{MERCHANT}support/allow", support.support_allow, name="support_allow"),
    path(f"{MERCHANT}support/<int:support_id>/end", support.support_end, name="support_end"),
    path(f"{MERCHANT}lists/<str:list_name>", preferences.merchant_list, name="list"),
    path(f"{OPERATOR}lists/<str:list_name>", preferences.operator_list, name="operator_list"),
    path("platform/lists/<str:list_name>", preferences.platform_list, name="platform_list"),
    path(f"{MERCHANT}audit/", audit.log, name="audit"),
]

"""Addresses of the pages of platform and operators."""

from __future__ import annotations

from django.urls import URLPattern, path

from zhanggui.accounts.views.tiers import applications, log, merchants, operators, registration
from zhanggui.accounts.views.tiers.desk import Doors

PLATFORM = "platform/"
OPERATOR = "operator/<slug:operator>/"
_ONE = "merchants/<slug:slug>/"
_APPLICATION = "applications/<int:application_id>/"

# route behind the tier's own part, name behind "platform" or "operator", the two doors
_BOTH: tuple[tuple[str, str, Doors], ...] = (
    ("", "", merchants.merchants),
    ("new-merchant", "_merchant_new", merchants.merchant_new),
    (_ONE, "_merchant", merchants.merchant),
    (f"{_ONE}edit", "_merchant_edit", merchants.merchant_edit),
    (f"{_ONE}registered-name", "_merchant_rename", merchants.merchant_rename),
    (f"{_ONE}freeze", "_merchant_freeze", merchants.merchant_freeze),
    (f"{_ONE}archive", "_merchant_archive", merchants.merchant_archive),
    (f"{_ONE}state", "_merchant_state", merchants.merchant_state),
    (f"{_ONE}reset", "_merchant_reset", merchants.merchant_reset),
    ("registration/", "_registration", registration.registration),
    ("registration/pictures/<slug:kind>", "_picture", registration.picture),
    ("registration/agreement/", "_agreement", registration.agreement),
    ("registration/agreement/<slug:number>", "_agreement_version", registration.agreement_version),
    ("applications/", "_applications", applications.applications),
    (_APPLICATION, "_application", applications.application),
    (f"{_APPLICATION}approve", "_approve", applications.approve),
    (f"{_APPLICATION}reject", "_reject", applications.reject),
)
_SERVED = f"{PLATFORM}operators/<slug:slug>/"

urlpatterns: list[URLPattern] = [
    *(path(f"{PLATFORM}{route}", d.platform, name=f"platform{name}") for route, name, d in _BOTH),
    *(path(f"{OPERATOR}{route}", d.operator, name=f"operator{name}") for route, name, d in _BOTH),
    path(f"{PLATFORM}{_ONE}transfer", merchants.merchant_transfer, name="merchant_transfer"),
    path(f"{PLATFORM}operators/", operators.operators, name="operators"),
    path(f"{PLATFORM}operators/new", operators.operator_new, name="operator_new"),
    path(_SERVED, operators.operator, name="platform_operator"),
    path(f"{_SERVED}edit", operators.operator_edit, name="platform_operator_edit"),
    path(f"{_SERVED}freeze", operators.operator_freeze, name="platform_operator_freeze"),
    path(f"{_SERVED}archive", operators.operator_archive, name="platform_operator_archive"),
    path(f"{_SERVED}state", operators.operator_state, name="platform_operator_state"),
    path(f"{_SERVED}invite", operators.operator_invite, name="platform_operator_invite"),
    path(f"{_SERVED}reset", operators.operator_reset, name="platform_operator_reset"),
    path(f"{PLATFORM}audit/", log.log, name="platform_audit"),
    path("look/<slug:token>", registration.look, name="look"),
]

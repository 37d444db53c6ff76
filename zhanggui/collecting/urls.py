"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.collecting.views import office, payer

app_name = "collecting"
OFFICE = "m/<slug:merchant>/collect/"
PAY = "w/<slug:merchant>/pay/<slug:token>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(OFFICE, office.requests, name="requests"),
    path(f"{OFFICE}new", office.request_new, name="request_new"),
    path(f"{OFFICE}<int:collect_id>/", office.request, name="request"),
    path(f"{OFFICE}<int:collect_id>/state", office.state, name="state"),
    path(f"{OFFICE}<int:collect_id>/stop", office.stop, name="stop"),
    path(f"{OFFICE}<int:collect_id>/code.<slug:kind>", office.picture, name="picture"),
    path(PAY, payer.page, name="pay"),
    path(f"{PAY}begin", payer.begin, name="begin"),
    path(f"{PAY}<slug:own>/", payer.payment, name="payment"),
    path(f"{PAY}<slug:own>/state", payer.state, name="payment_state"),
]

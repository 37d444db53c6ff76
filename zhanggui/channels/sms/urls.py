"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.channels.sms import pushes, views

app_name = "sms"
urlpatterns: list[URLPattern | URLResolver] = [
    path("platform/sms/", views.messages_sent, name="messages"),
    path("platform/sms/providers", views.providers, name="providers"),
    path("platform/sms/providers/<slug:provider>/test", views.provider_test, name="provider_test"),
    path("platform/sms/stop", views.stop, name="stop"),
    path("platform/sms/resume", views.resume, name="resume"),
    path("hooks/sms/<slug:provider>/<slug:token>", pushes.push, name="push"),
]

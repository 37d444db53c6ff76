"""The living page; included everywhere but in production."""

from django.urls import path

from zhanggui.ui import views

app_name = "ui"
urlpatterns = [
    path("", views.kit_page, name="kit"),
    path("piece/", views.kit_piece, name="kit-piece"),
    path("errors/<int:status>/", views.kit_error, name="kit-error"),
    path("<slug:name>/", views.kit_page, name="kit-page"),
]

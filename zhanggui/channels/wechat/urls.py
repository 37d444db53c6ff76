"""Addresses of this module."""

from __future__ import annotations

from functools import partial

from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.guards import platform_view
from zhanggui.channels.wechat.models import Kind
from zhanggui.channels.wechat.permissions import (
    EDIT_CONTENT,
    MANAGE_ACCOUNT,
    PLATFORM_ACCOUNT,
    VIEW_ACCOUNT,
)
from zhanggui.channels.wechat.views import (
    account,
    authorise,
    codes,
    conditional,
    entry,
    hooks,
    labels,
    menu,
    mini_api,
    mobile,
    pages,
    places,
    replies,
    resolver,
    templates,
)

FORM = require_http_methods(["GET", "POST"])
MINI_API = "api/v1/<slug:merchant>/mini/"

app_name = "wechat"
urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks/wechat/<str:app_id>/", hooks.callback, name="callback"),
    path("hooks/wechat/component/<str:component_id>/", hooks.component, name="component_hook"),
    path(
        "hooks/wechat/component/<str:component_id>/<str:app_id>/",
        hooks.component_account,
        name="component_account_hook",
    ),
    path("official-account", entry.entry, name="entry"),
    path("q/<slug:token>", resolver.resolve, name="resolve"),
    path("w/<slug:merchant>/wechat-page", pages.customer_page, name="customer_page"),
    path("staff/wechat-page", pages.staff_page, name="staff_page"),
    path(f"{MINI_API}session", mini_api.sign_in, name="mini_sign_in"),
    path(f"{MINI_API}session/end", mini_api.sign_out, name="mini_sign_out"),
    path(f"{MINI_API}me", mini_api.me, name="mini_me"),
    path(f"{MINI_API}phone", mini_api.phone, name="mini_phone"),
    path(f"{MINI_API}scene", mini_api.scene, name="mini_scene"),
    path("oauth/wechat/start", mobile.start, name="oauth_start"),
    path("oauth/wechat/return/<str:app_id>", mobile.come_back, name="oauth_return"),
]
THIRD_PARTY = "platform/channels/wechat/third-party"
urlpatterns += [
    path(
        THIRD_PARTY,
        platform_view(PLATFORM_ACCOUNT.name)(FORM(authorise.component)),
        name="platform_component",
    ),
    path(
        f"{THIRD_PARTY}/ask",
        platform_view(PLATFORM_ACCOUNT.name)(require_POST(authorise.component_ask)),
        name="platform_component_ask",
    ),
    path(
        f"{THIRD_PARTY}/deliveries/<int:delivery_id>/replay",
        platform_view(PLATFORM_ACCOUNT.name)(require_POST(authorise.component_replay)),
        name="platform_component_replay",
    ),
]
urlpatterns += [
    *places.addresses_above("wanted/<int:visit_id>/move", require_POST(account.move), "move"),
    *places.addresses_above(
        "wanted/<int:visit_id>/dismiss", require_POST(account.move_dismiss), "move_dismiss"
    ),
]
for route, page, name, right in (
    ("", require_safe(account.account), "account", VIEW_ACCOUNT),
    ("history", require_safe(account.serving_history), "serving", VIEW_ACCOUNT),
    ("connect", FORM(account.connect), "connect", MANAGE_ACCOUNT),
    ("disconnect", require_POST(account.disconnect), "disconnect", MANAGE_ACCOUNT),
    ("authorise", require_POST(authorise.authorise), "authorise", MANAGE_ACCOUNT),
    (
        "authorise/<slug:state>/",
        require_safe(authorise.authorise_visit),
        "authorise_visit",
        MANAGE_ACCOUNT,
    ),
    (
        "authorise/<slug:state>/state",
        require_safe(authorise.authorise_state),
        "authorise_state",
        MANAGE_ACCOUNT,
    ),
    (
        "authorise/<slug:state>/return",
        FORM(authorise.authorise_return),
        "authorise_return",
        MANAGE_ACCOUNT,
    ),
    ("test", require_POST(account.ask_now), "test", MANAGE_ACCOUNT),
    ("mini/", require_safe(account.mini), "mini", VIEW_ACCOUNT),
    (
        "mini/connect",
        FORM(partial(account.connect, kind=Kind.MINI)),
        "mini_connect",
        MANAGE_ACCOUNT,
    ),
    (
        "mini/disconnect",
        require_POST(partial(account.disconnect, kind=Kind.MINI)),
        "mini_disconnect",
        MANAGE_ACCOUNT,
    ),
    (
        "mini/authorise",
        require_POST(partial(authorise.authorise, kind=Kind.MINI)),
        "mini_authorise",
        MANAGE_ACCOUNT,
    ),
    (
        "mini/test",
        require_POST(partial(account.ask_now, kind=Kind.MINI)),
        "mini_test",
        MANAGE_ACCOUNT,
    ),
    ("mini/codes/new", require_POST(account.mini_code_new), "mini_code_new", EDIT_CONTENT),
    (
        "mini/codes/<int:mini_code_id>/picture",
        require_safe(account.mini_code_picture),
        "mini_code_picture",
        VIEW_ACCOUNT,
    ),
    (
        "mini/codes/<int:mini_code_id>/archive",
        require_POST(account.mini_code_archive),
        "mini_code_archive",
        EDIT_CONTENT,
    ),
    (
        "deliveries/<int:delivery_id>/replay",
        require_POST(account.replay),
        "replay",
        MANAGE_ACCOUNT,
    ),
    ("menu/", FORM(menu.menu), "menu", EDIT_CONTENT),
    ("menu/now", require_safe(menu.menu_current), "menu_current", EDIT_CONTENT),
    ("menu/take-over", require_POST(menu.menu_take_over), "menu_take_over", EDIT_CONTENT),
    ("menu/defaults", require_POST(menu.menu_defaults), "menu_defaults", EDIT_CONTENT),
    ("menu/delete", require_POST(menu.menu_delete), "menu_delete", EDIT_CONTENT),
    ("menu/versions/", require_safe(menu.menu_versions), "menu_versions", EDIT_CONTENT),
    (
        "menu/versions/<int:version_number>/restore",
        require_POST(menu.menu_restore),
        "menu_restore",
        EDIT_CONTENT,
    ),
    ("menu/conditional/", require_safe(conditional.menus), "conditional", EDIT_CONTENT),
    ("menu/conditional/new", FORM(conditional.menu_new), "conditional_new", EDIT_CONTENT),
    (
        "menu/conditional/labels",
        require_safe(conditional.labels),
        "conditional_labels",
        EDIT_CONTENT,
    ),
    ("menu/conditional/labels/", require_safe(labels.labels), "label_list", EDIT_CONTENT),
    ("menu/conditional/labels/new", require_POST(labels.label_new), "label_new", EDIT_CONTENT),
    (
        "menu/conditional/labels/<slug:label>/put-on",
        require_POST(labels.label_put_on),
        "label_put_on",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/labels/<slug:label>/delete",
        require_POST(labels.label_delete),
        "label_delete",
        EDIT_CONTENT,
    ),
    ("menu/conditional/match", require_safe(conditional.match), "conditional_match", EDIT_CONTENT),
    ("menu/conditional/now", require_safe(conditional.now), "conditional_now", EDIT_CONTENT),
    (
        "menu/conditional/now/<slug:menu_id>/delete",
        require_POST(conditional.foreign_delete),
        "conditional_foreign_delete",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/<int:conditional_id>/",
        FORM(conditional.menu_edit),
        "conditional_edit",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/<int:conditional_id>/withdraw",
        require_POST(conditional.withdraw),
        "conditional_withdraw",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/<int:conditional_id>/delete",
        require_POST(conditional.delete),
        "conditional_delete",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/<int:conditional_id>/versions/",
        require_safe(conditional.versions),
        "conditional_versions",
        EDIT_CONTENT,
    ),
    (
        "menu/conditional/<int:conditional_id>/versions/<int:conditional_number>/restore",
        require_POST(conditional.restore),
        "conditional_restore",
        EDIT_CONTENT,
    ),
    ("replies/", require_safe(replies.replies), "replies", EDIT_CONTENT),
    ("replies/new", FORM(replies.reply_new), "reply_new", EDIT_CONTENT),
    ("replies/try", require_safe(replies.reply_try), "reply_try", EDIT_CONTENT),
    ("replies/<int:reply_id>/", FORM(replies.reply_edit), "reply_edit", EDIT_CONTENT),
    (
        "replies/<int:reply_id>/picture",
        require_safe(replies.reply_picture),
        "reply_picture",
        EDIT_CONTENT,
    ),
    (
        "replies/<int:reply_id>/switch",
        require_POST(replies.reply_switch),
        "reply_switch",
        EDIT_CONTENT,
    ),
    (
        "replies/<int:reply_id>/delete",
        require_POST(replies.reply_delete),
        "reply_delete",
        EDIT_CONTENT,
    ),
    ("codes/", require_safe(codes.codes), "codes", EDIT_CONTENT),
    ("codes/new", FORM(codes.code_new), "code_new", EDIT_CONTENT),
    ("codes/<int:code_id>/", require_safe(codes.code), "code", EDIT_CONTENT),
    ("codes/<int:code_id>/edit", FORM(codes.code_edit), "code_edit", EDIT_CONTENT),
    ("codes/<int:code_id>/archive", require_POST(codes.code_archive), "code_archive", EDIT_CONTENT),
    ("codes/<int:code_id>/sheet.pdf", require_safe(codes.code_sheet), "code_sheet", EDIT_CONTENT),
    (
        "codes/<int:code_id>/<slug:which>.<slug:kind>",
        require_safe(codes.code_picture),
        "code_picture",
        EDIT_CONTENT,
    ),
    ("templates/", require_safe(templates.templates), "templates", EDIT_CONTENT),
    (
        "templates/check",
        require_POST(templates.templates_check),
        "templates_check",
        EDIT_CONTENT,
    ),
    ("templates/<str:name>/", FORM(templates.template), "template", EDIT_CONTENT),
    (
        "templates/<str:name>/test",
        require_POST(templates.template_test),
        "template_test",
        EDIT_CONTENT,
    ),
    (
        "templates/<str:name>/unbind",
        require_POST(templates.template_unbind),
        "template_unbind",
        EDIT_CONTENT,
    ),
):
    urlpatterns += places.addresses(route, page, name, right)

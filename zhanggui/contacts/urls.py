"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.contacts.views import detail, merging, places, privacy, segments, tags
from zhanggui.contacts.views import list as customer_list

app_name = "contacts"
LIST = "m/<slug:merchant>/customers/"
ONE = f"{LIST}<int:customer_id>/"
TAG = f"{LIST}tags/<int:tag_id>/"
SEGMENT = f"{LIST}segments/<int:segment_id>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(LIST, customer_list.customers, name="customers"),
    path(f"{LIST}bulk/<str:action>", customer_list.bulk, name="customers_bulk"),
    path(f"{LIST}undo/<int:change_id>", customer_list.undo, name="customers_undo"),
    path(f"{LIST}new", detail.customer_new, name="customer_new"),
    path(ONE, detail.customer, name="customer"),
    path(f"{ONE}edit", detail.customer_edit, name="customer_edit"),
    path(f"{ONE}block", detail.customer_block, name="customer_block"),
    path(f"{ONE}unblock", detail.customer_unblock, name="customer_unblock"),
    path(f"{ONE}note", detail.customer_note, name="customer_note"),
    path(f"{ONE}tag", detail.customer_tag, name="customer_tag"),
    path(f"{ONE}phone", detail.customer_phone, name="customer_phone"),
    path(f"{ONE}merge", merging.choose, name="merge_choose"),
    path(f"{ONE}merge/<int:other_id>", merging.merge, name="merge"),
    path(f"{ONE}privacy", privacy.privacy, name="privacy"),
    path(f"{ONE}privacy/file", privacy.hand_out, name="hand_out"),
    path(f"{LIST}erasures/<int:erasure_id>/withdraw", privacy.withdraw, name="erasure_withdraw"),
    path(f"{LIST}merges/<int:merge_id>/undo", merging.undo, name="merge_undo"),
    path(f"{LIST}links/<int:link_id>/split", merging.split, name="link_split"),
    path(f"{LIST}duplicates/", merging.duplicates, name="duplicates"),
    path(f"{LIST}duplicates/search", merging.search, name="duplicates_search"),
    path(f"{LIST}duplicates/<int:pair_id>", merging.dismiss, name="pair_dismiss"),
    path(f"{LIST}tags/", tags.tags, name="tags"),
    path(f"{LIST}tags/new", tags.tag_new, name="tag_new"),
    path(TAG, tags.tag_edit, name="tag_edit"),
    path(f"{TAG}merge", tags.tag_merge, name="tag_merge"),
    path(f"{TAG}delete", tags.tag_delete, name="tag_delete"),
    path(f"{LIST}segments/", segments.segments, name="segments"),
    path(f"{LIST}segments/new", segments.segment_new, name="segment_new"),
    path(f"{LIST}segments/condition", segments.segment_condition, name="segment_condition"),
    path(f"{LIST}segments/preview", segments.segment_preview, name="segment_preview"),
    path(SEGMENT, segments.segment_edit, name="segment_edit"),
    path("w/<slug:merchant>/place", places.tell, name="tell_place"),
    path(f"{SEGMENT}delete", segments.segment_delete, name="segment_delete"),
]

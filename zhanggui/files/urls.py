"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.files.views import exports, imports, private, tasks

app_name = "files"
MERCHANT = "m/<slug:merchant>/"
IMPORTS = f"{MERCHANT}jobs/imports/"
BATCH = f"{IMPORTS}<int:batch_id>/"
TASK = f"{MERCHANT}jobs/<int:task_id>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{MERCHANT}files/<str:signed>", private.show, name="show"),
    path(f"{MERCHANT}jobs/", tasks.tasks, name="tasks"),
    path(TASK, tasks.task, name="task"),
    path(f"{TASK}progress", tasks.task_progress, name="task_progress"),
    path(f"{TASK}file", tasks.task_file, name="task_file"),
    path(f"{TASK}cancel", tasks.task_cancel, name="task_cancel"),
    path(f"{TASK}retry", tasks.task_retry, name="task_retry"),
    path(f"{MERCHANT}exports/<str:name>", exports.export, name="export"),
    *[
        pattern
        for at, name in (("platform/", "platform"), ("operator/<slug:operator>/", "operator"))
        for pattern in (
            path(f"{at}exports/", getattr(exports.tier_exports, name), name=f"{name}_exports"),
            path(
                f"{at}exports/<int:taken_id>/file",
                getattr(exports.tier_file, name),
                name=f"{name}_export_file",
            ),
            path(
                f"{at}exports/<int:taken_id>/cancel",
                getattr(exports.tier_cancel, name),
                name=f"{name}_export_cancel",
            ),
        )
    ],
    path("platform/exports/<str:name>", exports.tier_export.platform, name="platform_export"),
    path(
        "operator/<slug:operator>/exports/<str:name>",
        exports.tier_export.operator,
        name="operator_export",
    ),
    path(IMPORTS, imports.import_list, name="imports"),
    path(f"{IMPORTS}new/<str:kind>", imports.import_new, name="import_new"),
    path(f"{IMPORTS}template/<str:kind>", imports.import_template, name="import_template"),
    path(f"{IMPORTS}sample/<str:kind>", imports.import_sample, name="import_sample"),
    path(BATCH, imports.import_, name="import"),
    path(f"{BATCH}errors", imports.import_errors, name="import_errors"),
    path(f"{BATCH}check", imports.import_check, name="import_check"),
    path(f"{BATCH}columns", imports.import_columns, name="import_columns"),
    path(f"{BATCH}run", imports.import_run, name="import_run"),
    path(f"{BATCH}undo", imports.import_undo, name="import_undo"),
    path(f"{BATCH}discard", imports.import_discard, name="import_discard"),
]

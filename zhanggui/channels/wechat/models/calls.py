"""Calls to WeChat as they went, and how many of a day's allowance are used.

Both name the app id instead of a row: calls are made before an account is kept, and the
third-party platform makes them, too.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from zhanggui.core import clock


class ApiCall(models.Model):
    """One call and its answer, with everything secret or personal masked; kept for a week."""

    app_id = models.CharField(max_length=40)
    path = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, db_index=True)
    duration_ms = models.IntegerField()
    code = models.IntegerField(null=True)
    """WeChat's errcode, 0 for success; None when no answer could be read."""
    rid = models.CharField(max_length=40, blank=True)
    """WeChat's own number of a refused call; its support asks for it."""
    problem = models.CharField(max_length=80, blank=True)
    """Why no answer could be read."""
    request = models.TextField(blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["app_id", "-at", "-id"], name="calls_of_an_app")]

    def __str__(self) -> str:
        return f"{self.path}:{self.pk}"


class CallDay(models.Model):
    """How often an app id made one kind of call on one day of Beijing time."""

    app_id = models.CharField(max_length=40)
    path = models.CharField(max_length=80)
    day = models.DateField()
    used = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    stopped_until = models.DateTimeField(null=True)
    """The allowance of the day or the minute is used up: no call before this moment."""
    stopped_by = models.IntegerField(null=True)
    """WeChat's errcode that said so."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["app_id", "path", "day"], name="one_count_per_app_path_and_day"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="counts_by_day")]

    def __str__(self) -> str:
        return f"{self.path}:{self.day}"

    @property
    def is_stopped(self) -> bool:
        """Whether WeChat takes no such call at this moment."""
        return self.stopped_until is not None and self.stopped_until > clock.now()

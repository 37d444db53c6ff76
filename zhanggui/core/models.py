"""Base classes of tenant tables, and the two tables of the core itself."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models.lookups import Exact

from zhanggui.core import clock, tenancy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class TenantForeignKey[Set, Get](models.ForeignKey[Set, Get]):
    """A foreign key inside one merchant: joins and lazy access name the merchant, too.

    It brings no index of its own: indexes of tenant tables begin with the merchant and are
    declared by the model.
    """

    def __init__(self, to: Any, **kwargs: Any) -> None:
        kwargs.setdefault("db_index", False)
        super().__init__(to, **kwargs)

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        """Add ``merchant_id = merchant_id`` to every join over this key."""
        theirs: Any = self.remote_field.model._meta.get_field("merchant")
        ours: Any = self.model._meta.get_field("merchant")
        return Exact(theirs.get_col(alias), ours.get_col(related_alias))

    def get_extra_descriptor_filter(self, instance: models.Model) -> dict[str, Any]:
        """Add the merchant of the row to lazy access."""
        return {"merchant_id": instance.merchant_id}  # type: ignore[attr-defined]


class MerchantKey[Set, Get](models.ForeignKey[Set, Get]):
    """Whose row it is; the database checks it unless the model's ``is_merchant_checked`` is false.

    A check is one more look at a row that everybody else looks at in the same moment: tables that
    each booking writes go without one where their other keys say the same (ADR 43).
    """

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **kwargs: Any
    ) -> None:
        """Ask the model whether the database has to check."""
        self.db_constraint = getattr(cls, "is_merchant_checked", True)
        super().contribute_to_class(cls, name, private_only, **kwargs)

    def deconstruct(self) -> Any:
        """For a migration it is an ordinary key, with or without a constraint."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class TenantQuerySet[Row: models.Model](models.QuerySet[Row, Row]):
    """A queryset of one merchant's rows."""


class TenantManager[Row: models.Model](models.Manager[Row]):
    """Rows of the merchant in scope; without a scope every query raises ``NoScope``."""

    use_in_migrations = False

    def get_queryset(self) -> TenantQuerySet[Row]:
        """The rows of the open scope."""
        return _rows_of(self.model, self._db, tenancy.current().merchant_id).all()


@lru_cache(maxsize=1024)
def _rows_of(model: Any, using: str | None, merchant_id: int | None) -> TenantQuerySet[Any]:
    """The rows of one merchant, or of all. Never fetched itself, so that a copy of it is cheap."""
    rows: TenantQuerySet[Any] = TenantQuerySet(model, using=using)
    return rows if merchant_id is None else rows.filter(merchant_id=merchant_id)


class TenantModel(models.Model):
    """A row that belongs to exactly one merchant."""

    merchant = MerchantKey(
        "accounts.Merchant", db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    is_merchant_checked: ClassVar = True
    """Whether the database refuses a merchant that there is not, see ``MerchantKey``."""

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, **kwargs: Any) -> None:
        """Save the row; a new one takes the merchant of the scope, no row changes its merchant."""
        scope = tenancy.current()
        merchant_id: int | None = self.merchant_id  # None until the first save
        if merchant_id is None:
            self.merchant_id = tenancy.current_merchant_id()
        elif scope.merchant_id not in {None, merchant_id}:
            message = f"{self._meta.label} of another merchant than the open scope"
            raise tenancy.NoScope(message)
        super().save(**kwargs)

    def _do_update(  # noqa: PLR0917  Django's signature
        self,
        base_qs: models.QuerySet[Any],
        using: str | None,
        pk_val: Any,
        values: Iterable[tuple[models.Field[Any, Any], Any, Any]],
        update_fields: Iterable[str] | None,
        forced_update: bool,
        returning_fields: Sequence[models.Field[Any, Any]] = (),
    ) -> Any:
        """Name the merchant in WHERE and leave it out of SET (rule 13 of the Citus rules)."""
        values = [value for value in values if value[0].name != "merchant"]
        if tenancy.current().merchant_id != self.merchant_id:  # else it names the merchant already
            base_qs = base_qs.filter(merchant_id=self.merchant_id)
        return super()._do_update(
            base_qs, using, pk_val, values, update_fields, forced_update, returning_fields
        )


class LimitCounter(models.Model):
    """How often something guessable was tried within a window, and until when it is locked."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    window_starts_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject"], name="one_counter_per_subject")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.count}"


class IdempotencyRecord(TenantModel):
    """The answer of a write that carried an idempotency key; a repeat gets it again."""

    is_merchant_checked = False

    caller = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    fingerprint = models.BinaryField(max_length=32)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "caller", "key"], name="one_answer_per_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "created_at"], name="idempotency_by_age")
        ]

    def __str__(self) -> str:
        return self.key

"""PostgreSQL, with tenant tables keyed by merchant first.

Source: rules 1-3 and 11 of ``docs/adr/0005-tenancy-in-the-database.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.backends.ddl_references import Columns, Statement
from django.db.backends.postgresql import base, features, operations, schema

if TYPE_CHECKING:
    from django.db import models


def is_tenant(model: type[models.Model]) -> bool:
    """Whether a table's rows belong to one merchant each."""
    return any(
        field.column == "merchant_id" and field.many_to_one and not field.null
        for field in model._meta.local_concrete_fields
    )


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Writes ``merchant_id`` first, primary and foreign keys of tenant tables composite."""

    sql_create_column_inline_fk = None  # type: ignore[assignment]  # foreign keys as own ALTERs

    def _iter_column_sql(  # type: ignore[no-untyped-def]  # noqa: PLR0917  Django's signature
        self, column_db_type, params, model, field, field_db_params, include_default
    ) -> Iterator[str]:
        parts = super()._iter_column_sql(  # type: ignore[misc]
            column_db_type, params, model, field, field_db_params, include_default
        )
        for part in parts:
            if part == "PRIMARY KEY" and is_tenant(model):
                continue  # added by create_model as (merchant_id, id)
            yield part

    def create_model(self, model: type[models.Model]) -> None:
        """Create the table; a tenant table gets its composite primary key."""
        if not is_tenant(model):
            super().create_model(model)
            return
        model._meta.local_fields.sort(key=lambda field: field.column != "merchant_id")
        model._meta._expire_cache()  # type: ignore[attr-defined]
        super().create_model(model)
        table = self.quote_name(model._meta.db_table)
        key = self.quote_name(str(model._meta.pk.column))
        self.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (merchant_id, {key})")

    def _create_fk_sql(  # type: ignore[no-untyped-def]
        self, model: type[models.Model], field, suffix: str
    ) -> Statement:
        statement: Statement = super()._create_fk_sql(model, field, suffix)  # type: ignore[misc]
        target = field.target_field.model
        if is_tenant(model) and is_tenant(target) and field.column != "merchant_id":
            statement.parts["column"] = Columns(
                model._meta.db_table, ["merchant_id", field.column], self.quote_name
            )
            statement.parts["to_column"] = Columns(
                target._meta.db_table, ["merchant_id", field.target_field.column], self.quote_name
            )
        return statement

    def _constraint_names(
        self, model: type[models.Model], column_names: list[str] | None = None, **kwargs: Any
    ) -> list[str]:
        names: list[str] = super()._constraint_names(  # type: ignore[misc]
            model, column_names, **kwargs
        )
        wants_key = kwargs.get("foreign_key") and column_names and len(column_names) == 1
        if wants_key and column_names and is_tenant(model):
            names += super()._constraint_names(  # type: ignore[misc]
                model, ["merchant_id", *column_names], **kwargs
            )
        return names


class DatabaseFeatures(features.DatabaseFeatures):
    """The primary key Django knows is not the whole key the database has."""

    allows_group_by_selected_pks = False


class DatabaseOperations(operations.DatabaseOperations):
    """PostgreSQL's, with shorter names."""

    def max_name_length(self) -> int:
        """Longest name Django makes up: a shard appends ``_<number>``, 63 is the end (rule 8)."""
        return 54


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend named by ``DATABASES``."""

    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

"""Whether a store is open at a moment, for counting in the database; says the same as ``hours``."""

from typing import ClassVar

from django.db import migrations

OPEN_AT = """
CREATE FUNCTION accounts_open_at(hours jsonb, local timestamp) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT hours = '{}'::jsonb OR coalesce(bool_or(
    CASE WHEN span.first < span.last
         THEN span.is_today AND span.first <= span.now AND span.now < span.last
         WHEN span.is_today THEN span.first <= span.now
         ELSE span.now < span.last END), false)
  FROM (
    SELECT hours -> day.number ->> 0 AS first, hours -> day.number ->> 1 AS last,
           to_char(local, 'HH24:MI') AS now, day.is_today
    FROM (VALUES (extract(isodow FROM local)::int::text, true),
                 (extract(isodow FROM local - interval '1 day')::int::text, false)
         ) AS day (number, is_today)
  ) span
  WHERE span.first IS NOT NULL
$$
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0002_append_only")]

    operations: ClassVar = [
        migrations.RunSQL(OPEN_AT, "DROP FUNCTION accounts_open_at(jsonb, timestamp)")
    ]

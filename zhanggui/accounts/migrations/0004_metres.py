"""How far two places lie apart, in the database only: every way of stamping asks there."""

from typing import ClassVar

from django.db import migrations

METRES = """
CREATE FUNCTION accounts_metres(
  latitude double precision, longitude double precision,
  other_latitude double precision, other_longitude double precision
) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT round(2 * 6371008.8 * asin(least(1, sqrt(
    power(sin(radians(other_latitude - latitude) / 2), 2)
    + cos(radians(latitude)) * cos(radians(other_latitude))
      * power(sin(radians(other_longitude - longitude) / 2), 2)))))::integer
$$
"""
"""Along a great circle (haversine), with the mean radius of the earth."""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0003_opening_hours")]

    operations: ClassVar = [
        migrations.RunSQL(
            METRES,
            "DROP FUNCTION accounts_metres(double precision, double precision,"
            " double precision, double precision)",
        )
    ]

"""Whether the server behind ``DATABASE_URL`` is one the product can work with."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

from launcher.binaries import OLDEST
from launcher.messages import Stop

EXAMPLE = "postgresql://user:password@host:5432/database"
WRONG_PASSWORD = {"28P01", "28000"}
NO_DATABASE = "3D000"


def require_database(url: str) -> None:
    """See that the database answers, is new enough and lets us create tables.

    Raises:
        Stop: with the reason; the password is never shown.
    """
    place = _place(url)
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
            row = connection.execute(
                "SELECT has_schema_privilege(current_user, 'public', 'CREATE')"
            ).fetchone()
    except psycopg.Error as error:
        raise _why(error, place) from error
    if version < OLDEST * 10_000:
        raise Stop(
            f"{place} 是 PostgreSQL {version // 10_000}，太旧了：需要 {OLDEST} 或更新的版本。",
            f"{place} is PostgreSQL {version // 10_000}, too old: {OLDEST} or newer is needed.",
        )
    if not row or not row[0]:
        raise Stop(
            f"{place} 的用户没有建表的权限。请执行 GRANT CREATE ON SCHEMA public TO 该用户。",
            f"The user of {place} may not create tables: GRANT CREATE ON SCHEMA public TO it.",
        )


def _place(url: str) -> str:
    """The address without user and password."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise _malformed()
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise _malformed() from error
    if not parts.get("dbname"):
        raise _malformed()
    return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts['dbname']}"


def _malformed() -> Stop:
    return Stop(
        f"DATABASE_URL 写错了，应当像这样：{EXAMPLE}",
        f"DATABASE_URL is malformed; it looks like this: {EXAMPLE}",
    )


def _why(error: psycopg.Error, place: str) -> Stop:
    text = str(error)
    if error.sqlstate in WRONG_PASSWORD or "authentication failed" in text:
        return Stop(
            f"数据库 {place} 拒绝了用户名或密码。请检查 DATABASE_URL。",
            f"The database {place} refused the user or password. Check DATABASE_URL.",
        )
    if error.sqlstate == NO_DATABASE or "does not exist" in text:
        return Stop(
            f"服务器上没有这个数据库或用户：{place}。请先建立它，或修改 DATABASE_URL。",
            f"The server has no such database or user: {place}. Create it or change DATABASE_URL.",
        )
    return Stop(
        f"连不上数据库 {place}。请检查服务器是否运行、地址和端口是否正确、网络是否可达。",
        f"The database {place} cannot be reached. Check that the server runs, that host and port "
        "are right and that the network lets you through.",
    )

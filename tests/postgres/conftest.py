"""The servers that are tested here, as other tests get them."""

from __future__ import annotations

from tests.postgres.fixtures import own_postgres, postgres

__all__ = ["own_postgres", "postgres"]

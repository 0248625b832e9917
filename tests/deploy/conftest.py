"""What the tests of deploy/ share."""

from __future__ import annotations

from tests.deploy.tools import tools

__all__ = ["tools"]

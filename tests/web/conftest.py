from tests.host.conftest import logged_in, user, visitor, web

__all__ = ["logged_in", "user", "visitor", "web"]

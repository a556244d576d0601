from tests.host.conftest import logged_in, manager, user, visitor, web

__all__ = ["logged_in", "manager", "user", "visitor", "web"]

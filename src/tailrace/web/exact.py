"""Exact paths: most addresses have no part that varies, and each of them leads to one route."""

from collections import Counter

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send


class Exact:
    """A router that goes to the route of an exact path at once, where no other one takes that path. Otherwise routes
    are tried one after the other, which among 150 takes some 0.2 ms.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        routes = [route for route in router.routes if isinstance(route, Route)]
        varying = [route for route in routes if "{" in route.path]
        times = Counter(route.path for route in routes)
        self._routes = {
            route.path: route
            for route in routes
            if times[route.path] == 1 and not any(other.path_regex.match(route.path) for other in varying)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or whatever else a server asks."""
        known = scope["type"] == "http" and not scope.get("root_path")
        route = self._routes.get(scope["path"]) if known else None
        if route is None:
            await self._router(scope, receive, send)
            return
        scope.update({"router": self._router, "route": route, "endpoint": route.endpoint, "path_params": {}})
        await route.handle(scope, receive, send)

"""A real server for what the service does when its store is in trouble."""

from tests.graph.store.neo4j.conftest import driver, mortal, server

__all__ = ["driver", "mortal", "server"]

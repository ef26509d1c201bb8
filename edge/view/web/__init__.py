"""Web page and API: server, authentication, routes, live streams, metrics."""

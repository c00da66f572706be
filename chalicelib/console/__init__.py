"""The web console: static files that a browser gets from the API, and one page that names them (see ``site``)."""

"""The HTTP API: blueprints whose views parse a request, make one call and render the answer.

``blueprint`` wraps every view: it hands it a ``request.ApiRequest`` and turns errors into problem documents.
"""

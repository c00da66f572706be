"""The API told to people and programs: examples, the catalogue of errors, the page, the collection of requests."""

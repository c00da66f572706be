"""The reference in docs/reference/, generated from the code, the dictionary and the templates."""

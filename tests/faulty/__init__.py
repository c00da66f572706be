"""Parts that fail by plan: the wire to a real Postgres, an HTTP endpoint of AWS, and the ports themselves."""

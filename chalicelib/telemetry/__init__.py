"""What operators see of a running deployment: lines of JSON, metrics among them, without tokens, secrets or cells."""

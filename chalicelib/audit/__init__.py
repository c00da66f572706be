"""The audit log: who did what, and in which run; append-only, and evident when it was tampered with."""

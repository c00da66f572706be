"""The system on a laptop: an embedded Postgres, an AWS emulator, and the packaged application deployed into it."""

"""Makes the web console's script and style sheet of their sources, with esbuild."""

"""Real mail servers for tests, benchmarks and the demo: started unprivileged, on loopback, below one folder.

Nothing of the app is imported here, and the app imports nothing of this.
"""

"""What `bench_peers.py` measures, and with what."""

"""Benchmarks of dlkit beside its peers; `make bench` runs them. They measure, and assert nothing: see `__main__`."""

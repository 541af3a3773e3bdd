"""The suites of bench.py: each has HEADING, add_options(parser) and run(options)."""

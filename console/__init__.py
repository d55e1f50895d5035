"""The operations core: settings, ledger, discovery, driver, actions, reports, command line."""

VERSION = "0.1.0"  # as in pyproject.toml: to look it up there would cost the first paint 50 ms

"""The operations core: settings, ledger, discovery, driver, actions, reports, command line."""

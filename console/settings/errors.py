"""What is raised for settings that cannot be used."""

from __future__ import annotations


class SettingsError(ValueError):
    """Settings that cannot be used; says file, key and what was expected, one line for each fault."""

"""The doctor and the preflight of the application: once begun they go on, whatever screen is in front."""

from __future__ import annotations

from typing import cast

from screens.host import Host
from screens.widgets.celldiff import SparingApp


class CheckingApp(SparingApp):
    def open_checks(self, check: str) -> None:
        """What is under way or was not seen yet is shown, else it is done; what sends work asks first."""
        from screens.checks_screen import KINDS, ChecksScreen

        host = cast(Host, self)
        if not self.is_screen_installed(check):
            self.install_screen(ChecksScreen(host, KINDS[check]), check)
        screen = self.get_screen(check, ChecksScreen)

        def begin() -> None:
            show()
            screen.begin()

        def show() -> None:
            if self.screen is not screen:
                while screen in self.screen_stack:
                    self.pop_screen()
                self.push_screen(screen)

        if not screen.due:
            show()
        elif screen.kind.question is None:
            begin()
        else:
            host.confirm(screen.kind.question, begin)

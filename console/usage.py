"""How a console is told its profile. Light: the command line is read with it before anything else is imported."""

PROFILE_VARIABLE = "FRIB_CONSOLE_PROFILE"
NO_PROFILE = f"no profile: give --profile FILE (or set {PROFILE_VARIABLE}), or try it out with --sandbox"

"""Constants of the command line and the profile. Imports nothing, for the quick commands read it."""

ENVIRONMENT_PREFIX = "FRIB_CONSOLE__"  # of a variable that stands for a key of the profile
PROFILE_VARIABLE = "FRIB_CONSOLE_PROFILE"
NO_PROFILE = f"no profile: give --profile FILE (or set {PROFILE_VARIABLE}), make one (console init), or try --sandbox"

EXIT_INTERNAL = 70  # as of sysexits.h: an internal software error

AUTO_THEME = "auto"  # what suits the terminal
THEME_NAMES = (AUTO_THEME, "frib", "contrast", "colour-blind", "ansi-dark", "ansi-light")

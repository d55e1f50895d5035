"""A piece of a line: text in one style. Pure."""

Piece = tuple[str, str]  # text, style name

# styles.tcss gives each of these a colour, as `.lines--NAME`.
STYLES = ("plain", "dim", "good", "busy", "warn", "bad", "alarm", "title", "focus", "head", "cursor", "frame")

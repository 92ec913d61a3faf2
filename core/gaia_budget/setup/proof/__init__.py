"""The end of `init`: Claude Code itself runs one prompt, with the settings that were wired, in a home of its own."""

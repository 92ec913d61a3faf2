"""A CLAUDE.md as lines, blocks, units and sections: sliced by the parser, never rendered."""

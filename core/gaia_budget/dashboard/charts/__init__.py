"""Charts as SVG: x in percent and y in pixels, so that text keeps its size at any width; colours come from classes."""

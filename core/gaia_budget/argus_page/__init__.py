"""A page of Streamlit with Plotly for the ecosystem's `pages/` folder: see docs/argus-page.md.

The page's own file holds two lines: `from gaia_budget.argus_page import show`, and `show()`.
"""


def show() -> None:
    """Draw the page. Streamlit and Plotly come with the extra `argus`."""
    from gaia_budget.argus_page.page import draw

    draw()

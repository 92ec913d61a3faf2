"""`python -m gaia_budget`: the command line, for where its script is not on the path."""

from gaia_budget.cli.app import main

if __name__ == "__main__":
    main()

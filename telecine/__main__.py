"""`python -m telecine`: the command line where its script isn't on the PATH."""

from telecine.cli import main

main()

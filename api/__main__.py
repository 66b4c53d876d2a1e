"""`python -m api`: the command line, where the script `stepgraph` is not on the path."""

from api.cli import main

main()

"""`python -m answerdesk.cli` is `answerdesk`."""

from answerdesk.cli import main

main()

"""`python -m planloom`."""

from planloom.cli.entry import main

if __name__ == "__main__":
    main()

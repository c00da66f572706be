"""`python -m decant` is `decant`."""

from decant.commands import main

if __name__ == "__main__":
    main()

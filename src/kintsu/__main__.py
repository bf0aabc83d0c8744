"""`python -m kintsu` is `kintsu`."""

from kintsu.apps.cli import main

if __name__ == "__main__":
    main()

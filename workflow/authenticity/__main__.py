"""`python -m authenticity`, where the console command is not installed."""

import sys

from authenticity.cli import main

if __name__ == "__main__":
    sys.exit(main())

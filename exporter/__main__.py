"""`python -m exporter` is `braze-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())

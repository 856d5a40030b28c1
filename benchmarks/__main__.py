"""Run the benchmarks: ``python -m benchmarks``."""

import sys

from benchmarks.solver import main

sys.exit(main())

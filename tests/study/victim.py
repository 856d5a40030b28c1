"""A process to be killed: it imports everything once, then makes two cases in a child for every line.

``python victim.py STORE PROFILE OVERRIDES_AS_JSON CASE...``; it answers a line with the
child's process number.
"""

import json
import os
import sys

import h5netcdf  # noqa: F401  # makers import these when they begin, once here and not in every child
import scipy.io  # noqa: F401
import torch
import torch._dynamo
import zarr  # noqa: F401

from tlfourier.study import targets
from tlfourier.study.study import begin


def main(store: str, profile: str, overrides: str, *cases: str) -> None:
    """Serve children until the input ends."""
    os.environ |= {"TLFOURIER_STORE": store, "TLFOURIER_REFERENCE": ""}
    torch.set_num_threads(1)
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            study = begin(profile, json.loads(overrides))
            study.make_all(targets.grid(study.design, cases), workers=1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

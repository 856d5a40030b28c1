"""Where a training that asks for bfloat16 is computed in it."""

from functools import cache

import torch

from tlfourier.doors import door


@door
def in_bfloat16(precision: str, device: str) -> bool:
    """Tell whether convolutions run in bfloat16 on a type of device: where that is asked for, and it can.

    A processor that cannot, as one without AVX-512, would emulate it, which takes many times as long as
    float32, and that is then used.
    """
    return precision == "bfloat16" and (device != "cpu" or has_bfloat16())


@cache
def has_bfloat16() -> bool:
    """Tell whether torch's convolutions run in bfloat16 on this processor."""
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return ask is not None and bool(ask())

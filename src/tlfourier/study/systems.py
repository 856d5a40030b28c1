"""The systems that are studied, by name: whose settings a page, a sweep or a recipe means."""

from collections.abc import Mapping
from typing import Any

from tlfourier.study.bounds import show
from tlfourier.study.oceans import OceanSpec, ocean_from
from tlfourier.study.settings import StudySpec, from_data, load_on

SYSTEMS: Mapping[str, StudySpec] = {one.system: one for one in (StudySpec(), OceanSpec())}


def load_system(system: str, profile: str, overrides: Mapping[str, Any] | None = None) -> StudySpec:
    """Return the settings of a system's study, as `settings.load`; ValueError for an unknown one."""
    if system not in SYSTEMS:
        raise ValueError(f"unknown system {show(system)}: accepted are {', '.join(SYSTEMS)}")
    return load_on(SYSTEMS[system], profile, overrides)


def spec_from(data: Mapping[str, Any]) -> StudySpec:
    """Return the settings of any system whose ``as_data`` these are."""
    return ocean_from(data) if data.get("system") == OceanSpec.system else from_data(data)

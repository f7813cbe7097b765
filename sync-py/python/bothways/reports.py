"""The reports that a `Session` returns."""

from ._reports import *  # noqa: F403
from ._reports import __all__ as __all__

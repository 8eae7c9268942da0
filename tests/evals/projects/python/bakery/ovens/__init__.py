"""Where bread is baked."""

from .oven import Oven
from .program import Program, program_for

__all__ = ["Oven", "Program", "program_for"]

"""A bakery, so that there is something to look up."""

from .orders import Order, OrderError, total_of
from .ovens import Oven

__all__ = ["Order", "OrderError", "Oven", "total_of"]

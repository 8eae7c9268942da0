"""The counter."""

from __future__ import annotations

from bakery import Order, OrderError, Oven, total_of
from bakery import orders as rules


class Shop:
    """Takes orders, and has them baked."""

    def __init__(self, oven: Oven) -> None:
        self.oven = oven
        self.orders: list[Order] = []

    def take(self, customer: str, breads: dict[str, int]) -> Order:
        """Write an order down."""
        order = Order(customer)
        for bread, pieces in breads.items():
            order.add(bread, pieces, 450)
        if order.pieces() > rules.LARGEST_ORDER:
            raise OrderError(customer)
        self.orders.append(order)
        return order

    def bake(self, order: Order) -> int:
        """Fill the oven.

        Returns:
            Breads that found no room.
        """
        waiting = 0
        for line in order.lines:
            for _ in range(line.pieces):
                if not self.oven.load(line.bread):
                    waiting += 1
        return waiting

    def minutes_left(self) -> int:
        """How long the next bread takes."""
        program = self.oven.next_program()
        return program.minutes

    def bill(self, order: Order) -> str:
        """What is to be paid."""
        if order.paid:
            return "nothing"
        return f"{total_of(order) / 100:.2f}"

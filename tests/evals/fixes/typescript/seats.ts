// Seats of a small theatre: categories, prices and bookings.

export type Category = "stalls" | "balcony" | "box";

export interface Booking {
  seat: string;
  category: Category;
  reduced: boolean;
}

const ROWS = "ABCDEFGH";

export function seatName(row: number, column: number): string {
  if (row < 0 || row >= ROWS.length) {
    throw new RangeError(`no row ${row}`);
  }
  return ROWS.charAt(row) + String(column + 1);
}

export function basePrice(category: Category): number {
  switch (category) {
    case "stalls":
      return 3200;
    case "balcony":
      return 2400;
    case "box":
      return 5100;
  }
}

export function ticketPrice(booking: Booking): number {
  const full = basePrice(booking.category);
  return booking.reduced ? Math.round(full * 0.6) : full;
}

export function book(row: number, column: number, category: Category, reduced = false): Booking {
  const seat = seatName(row, column);
  return { seat, category, reduced };
}

export function neighbours(columns: number, row: number, column: number): string[] {
  const sides: string[] = [];
  if (column > 0) {
    sides.push(seatName(row, column - 1));
  }
  if (column < columns - 1) {
    sides.push(seatName(row, column + 1));
  }
  return sides;
}

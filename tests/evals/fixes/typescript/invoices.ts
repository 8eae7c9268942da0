// Invoices: lines, totals in cents, and reminders.

export interface Line {
  readonly text: string;
  readonly cents: number;
  readonly quantity: number;
}

export interface Invoice {
  id: number;
  customer: { name: string; email?: string };
  lines: Line[];
  due: Date;
  paid: boolean;
}

const DAY = 24 * 60 * 60 * 1000;

export function total(invoice: Invoice): number {
  let sum = 0;
  for (const line of invoice.lines) {
    sum += line.cents * line.quantity;
  }
  return sum;
}

export function discounted(line: Line, percent: number): Line {
  const cents = Math.round((line.cents * (100 - percent)) / 100);
  return { ...line, cents };
}

export function daysLate(invoice: Invoice, today: Date): number {
  if (invoice.paid) {
    return 0;
  }
  return Math.max(0, Math.floor((today.getTime() - invoice.due.getTime()) / DAY));
}

export function recipient(invoice: Invoice): string {
  const email = invoice.customer.email;
  if (email === undefined) {
    return invoice.customer.name;
  }
  return `${invoice.customer.name} <${email.toLowerCase()}>`;
}

export function openInvoices(invoices: Invoice[]): number[] {
  return invoices.filter((invoice) => !invoice.paid).map((invoice) => invoice.id);
}

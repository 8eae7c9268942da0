import assert from "node:assert/strict";
import { daysLate, discounted, openInvoices, recipient, total } from "./invoices.js";

const line = { text: "hinge", cents: 250, quantity: 4 };
const due = new Date("2024-03-01T00:00:00Z");
const open = { id: 7, customer: { name: "Oda", email: "Oda@Example.org" }, lines: [line, line], due, paid: false };
const paid = { ...open, id: 8, customer: { name: "Per" }, paid: true };
assert.equal(total(open), 2000);
assert.deepEqual(discounted(line, 10), { text: "hinge", cents: 225, quantity: 4 });
assert.equal(line.cents, 250);
assert.equal(daysLate(open, new Date("2024-03-04T12:00:00Z")), 3);
assert.equal(daysLate(paid, new Date("2024-03-04T12:00:00Z")), 0);
assert.equal(recipient(open), "Oda <oda@example.org>");
assert.equal(recipient(paid), "Per");
assert.deepEqual(openInvoices([open, paid]), [7]);

from tickets import Ticket, busiest_label, close_all, parse

ticket = parse("#12 [urgent] Printer on fire ")
assert ticket == Ticket(12, "Printer on fire", "urgent")
assert parse("no ticket") is None
assert busiest_label([ticket]) == ""
ticket.close(resolution="fixed")
assert ticket.state == "closed"
assert ticket.labels == {"fixed"}
others = [
    Ticket(1, "a", labels={"ink"}),
    Ticket(2, "b", labels={"ink", "tray"}),
    Ticket(3, "c", "low", "closed", {"ink"}),
]
assert busiest_label(others) == "ink"
assert close_all(others, "ink") == 2
assert all(one.state == "closed" for one in others)

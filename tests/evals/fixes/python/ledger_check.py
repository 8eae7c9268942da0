from decimal import Decimal

from ledger import Account, Entry, Overdrawn

account = Account("Ines", Decimal(50))
assert account.largest() is None
account.entries.append(Entry(Decimal(100), "salary"))
assert account.withdraw(Decimal(130), "rent") == Decimal(-30)
try:
    account.withdraw(Decimal(30), "shoes")
except Overdrawn:
    pass
else:
    raise AssertionError("the limit is not kept")
assert account.balance() == Decimal(-30)
largest = account.largest()
assert largest is not None
assert largest.note == "rent"
assert account.statement() == "1 salary 100\n2 rent -30"

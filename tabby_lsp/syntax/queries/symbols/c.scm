; inherits: cee

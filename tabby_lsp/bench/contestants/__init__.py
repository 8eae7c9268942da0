"""Server processes with the rules of their editors: ours, and the peers."""

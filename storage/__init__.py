"""What Tast1 keeps, why it keeps it, and how it lets go of it."""

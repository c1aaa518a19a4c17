"""Coverage-guided fuzzing of everything pure that reads what others wrote: `make fuzz`."""

"""What others quote beside what was measured: claims, verdicts, re-runs, cards, hashes. No torch."""

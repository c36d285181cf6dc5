"""From maps to people: peaks, the limbs between them, bones read where they meet."""

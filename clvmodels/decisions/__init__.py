"""What to do about a customer: what an action may cost, scenarios beyond purchases, past calls."""

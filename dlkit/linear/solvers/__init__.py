"""The methods that linear models are fitted with: short functions, each one an idea, chosen by name."""

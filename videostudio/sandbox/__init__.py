"""The gateway that ships with the studio: every dialect it speaks, over real HTTP, with no model behind them."""

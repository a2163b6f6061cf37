"""The gateway that ships with the studio: both documented dialects over real HTTP, with no model behind them."""

"""VideoStudio: a self-hosted studio for AI video."""

__version__ = "0.1.0"

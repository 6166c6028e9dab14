"""Pictures: what an environment looks like to people, drawn without a screen."""

from sparserl.environments.pictures.filmed import Filmed, filmed, try_pictures

__all__ = ["Filmed", "filmed", "try_pictures"]

"""MBG/NBD: a customer may leave after every purchase, the first included (Batislam et al. 2007)."""

from clvmodels.kernels.beta_geo import BetaGeo


class ModifiedBetaGeo(BetaGeo):
    """BG/NBD with one chance to leave before the first repeat purchase."""

    name = "mbgnbd"
    first_chances = 1

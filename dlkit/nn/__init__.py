"""Layers and how their weights begin.

``initialisers``
    Weights before the first step: zeros, small random numbers, calibrated variance, He, Glorot.
"""

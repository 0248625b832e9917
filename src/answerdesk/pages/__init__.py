"""The web pages, for people who answer, steer and pay. Rule: they call the desk and decide nothing themselves."""

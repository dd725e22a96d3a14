"""Models of many kinds, each fitted at three lengths and compared with SciPy's answer."""

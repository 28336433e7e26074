// KernelsV4

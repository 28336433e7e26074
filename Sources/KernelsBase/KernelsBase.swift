// KernelsBase

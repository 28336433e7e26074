/// The highest x86-64 level that this CPU and its operating system support: 3 (AVX2, FMA), 4 (AVX-512), or 0.
int cpu_level(void);

#ifndef CPUFEATURES_H
#define CPUFEATURES_H

/// The highest x86-64 level of which this program has kernels and which this CPU and its operating system support:
/// 5 (level 4 and AVX512-BF16), 4 (AVX-512 F, BW, CD, DQ, VL), 3 (AVX2, FMA, BMI), or 0 for the baseline. Always 0 on other architectures.
///
/// Levels 3 and 4 are those of the x86-64 psABI, "Micro-architecture levels".
int cpu_level(void);

/// Tells the CPU that this thread waits in a loop for another one.
static inline void cpu_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif

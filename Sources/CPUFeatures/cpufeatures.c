#include "cpufeatures.h"

int cpu_level(void) {
#if defined(__x86_64__)
  // Reads cpuid and XCR0, so a CPU whose operating system does not save the wide registers counts as one without them.
  __builtin_cpu_init();
  // Every CPU with AVX2, FMA and BMI2 also has the rest of level 3 (F16C, LZCNT, MOVBE), which the builtin cannot name.
  int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
  int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  if (v4 && __builtin_cpu_supports("avx512bf16")) return 5;
  if (v4) return 4;
  if (v3) return 3;
#endif
  return 0;
}

#include "cpufeatures.h"

int cpu_level(void) { return 0; }

// Counts what a process takes from the heap, for LD_PRELOAD with glibc. `Laps` finds the count by its name.

#include <stdatomic.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long taken;

long tributary_allocations(void) { return taken; }

void *malloc(size_t size) {
  taken++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  taken++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  taken++;
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  taken++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  taken++;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : 12;
}

/* The triad of a stream benchmark: a[i] = b[i] + scalar * c[i], `times` times over; seconds are measured outside. */
#include <stddef.h>

void triad(float *restrict a, const float *restrict b, const float *restrict c, float scalar, size_t n, size_t times) {
    for (size_t time = 0; time < times; ++time) {
        for (size_t i = 0; i < n; ++i) {
            a[i] = b[i] + scalar * c[i];
        }
        __asm__ volatile("" : : "r"(a), "r"(b), "r"(c) : "memory"); /* each time anew */
    }
}

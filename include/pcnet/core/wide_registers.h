#pragma once

/// Before a function that is compiled a second time for wider registers; the processor decides
/// which one runs. Neither fuses a product and a sum: both round alike.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define PCNET_ALSO_AVX2 __attribute__((target_clones("avx2", "default")))
#else
#define PCNET_ALSO_AVX2
#endif

/// Before what such a function calls: it has to become a part of it, to have its registers.
#define PCNET_INLINE [[gnu::always_inline]] inline

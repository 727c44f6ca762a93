// Declares a kernel table in the namespace of each variant: `scalar` is the reference, which defines what the others
// must compute; the rest come from one <op>_simd.cpp compiled per level. dispatch.cpp gathers them.
#pragma once

#define PENSTOCK_KERNEL_VARIANTS(Table, name) \
  namespace scalar {                          \
  extern const Table name;                    \
  }                                           \
  namespace baseline {                        \
  extern const Table name;                    \
  }                                           \
  namespace avx2 {                            \
  extern const Table name;                    \
  }                                           \
  namespace avx512 {                          \
  extern const Table name;                    \
  }

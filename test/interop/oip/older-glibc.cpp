// Lets the wheel of perf_analyzer, built for glibc 2.38 and GCC 13's libstdc++, run on glibc 2.36: it needs seven symbols
// that are not there, and these are they. Preloaded; newer_symbols.py marks the versions as optional in a copy of the program.
//
// The five of glibc are the C23 names of functions that have been there forever; they differ in reading 0b prefixes.
// `_M_replace_cold` is std::string::replace for the case that source and target overlap.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>  // its static object opens std::cout, which newer libraries do by themselves

extern "C" {
unsigned long __isoc23_strtoul(const char* text, char** end, int base) { return strtoul(text, end, base); }
unsigned long long __isoc23_strtoull(const char* text, char** end, int base) { return strtoull(text, end, base); }
long __isoc23_strtol(const char* text, char** end, int base) { return strtol(text, end, base); }
long long __isoc23_strtoll(const char* text, char** end, int base) { return strtoll(text, end, base); }

int __isoc23_sscanf(const char* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = vsscanf(text, format, arguments);
  va_end(arguments);
  return count;
}

// std::ios_base_library_init(): done by <iostream> above, before any static object of the program.
void _ZSt21ios_base_library_initv() {}

// std::string::_M_replace_cold(char* target, size_t removed, const char* source, size_t added, size_t tail)
void _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm(void*, char* target, size_t removed,
                                                                                     const char* source, size_t added,
                                                                                     size_t tail) {
  if (added != 0 && added <= removed) memmove(target, source, added);
  if (tail != 0 && removed != added) memmove(target + added, target + removed, tail);
  if (added <= removed) return;
  if (source + added <= target + removed) {
    memmove(target, source, added);
  } else if (source >= target + removed) {
    memcpy(target, source + (added - removed), added);
  } else {
    const size_t left = static_cast<size_t>(target + removed - source);
    memmove(target, source, left);
    memcpy(target + left, target + added, added - left);
  }
}
}

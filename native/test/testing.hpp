// A test program is a list of claims. CLAIM prints what did not hold and where, and the program exits 1 at its end.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace penstock::testing {
inline int failures = 0;

struct Test {
  const char* title;
  void (*run)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}
struct Registrar {
  Registrar(const char* title, void (*run)()) { tests().push_back({title, run}); }
};

inline int run_all() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was said before a crash is read
  for (const Test& test : tests()) {
    const int before = failures;
    test.run();
    std::printf("%s %s\n", failures == before ? "ok  " : "FAIL", test.title);
  }
  std::printf("%zu tests, %d failed claims\n", tests().size(), failures);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
}  // namespace penstock::testing

#define PENSTOCK_JOIN_(a, b) a##b
#define PENSTOCK_JOIN(a, b) PENSTOCK_JOIN_(a, b)
#define TEST(title)                                                                                                \
  static void PENSTOCK_JOIN(test_, __LINE__)();                                                                    \
  static const ::penstock::testing::Registrar PENSTOCK_JOIN(registrar_, __LINE__){title,                           \
                                                                                  PENSTOCK_JOIN(test_, __LINE__)}; \
  static void PENSTOCK_JOIN(test_, __LINE__)()
#define CLAIM(expression)                           \
  ((expression) ? static_cast<void>(0)              \
                : (++::penstock::testing::failures, \
                   static_cast<void>(std::printf("  not so: %s (%s:%d)\n", #expression, __FILE__, __LINE__))))

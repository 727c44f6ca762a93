// Claims about the kernels of single elements, of bins and of float64 columns: each level gives the reference's bits.
#include "test/kernel_fixture.hpp"

using namespace penstock;
using namespace penstock::kernel;
using namespace penstock::testing;

namespace {
template <typename T>
T awkward_as() {
  if constexpr (std::is_same_v<T, double>)
    return below(4) == 0 ? std::bit_cast<double>(random_source()()) : static_cast<double>(awkward());
  else
    return awkward();
}

template <typename T>
Buffer<T> awkward_buffer(size_t count, size_t offset = 0) {
  Buffer<T> buffer(count, offset);
  for (size_t i = 0; i < count; ++i) buffer[i] = awkward_as<T>();
  return buffer;
}

// `map(kernels, target, source, count)` at every level, apart and in place.
template <typename T, typename Map>
void elements_agree(Map map) {
  for (const size_t count : kLengths) {
    auto source = awkward_buffer<T>(count, sizeof(T) * below(9));
    Buffer<T> expected(count);
    map(reference(), expected.data(), source.data(), count);
    at_each_level([&](const Kernels& kernels) {
      Buffer<T> apart(count, sizeof(T) * below(9));
      Buffer<T> in_place = source;
      map(kernels, apart.data(), source.data(), count);
      map(kernels, in_place.data(), in_place.data(), count);
      return is_same(apart, expected) && is_same(in_place, expected);
    });
  }
}

template <typename T, typename Maps>
void maps_agree(Maps maps) {
  elements_agree<T>([&](const Kernels& k, auto... arguments) { maps(k).log1p(arguments...); });
  elements_agree<T>([&](const Kernels& k, auto... arguments) { maps(k).sigmoid(arguments...); });
  for (const T factor : {T{1}, T{10}, T{1000}})
    for (const bool is_coarse : {false, true})
      elements_agree<T>([&](const Kernels& k, auto... arguments) { maps(k).round(arguments..., factor, is_coarse); });
  for (const T bound : {T{0}, T{0.5}, -std::numeric_limits<T>::infinity()})
    elements_agree<T>([&](const Kernels& k, auto... arguments) { maps(k).threshold(arguments..., bound); });
}
}  // namespace

TEST("maps: log1p, sigmoid, round and threshold give the reference's bits, in place too") {
  maps_agree<float>([](const Kernels& kernels) { return kernels.maps.floats; });
  maps_agree<double>([](const Kernels& kernels) { return kernels.maps.doubles; });
}

TEST("maps: half goes to even, and what ends the range stays there") {
  at_each_level([](const Kernels& kernels) {
    const double halves[] = {0.5, 1.5, 2.5, -0.5, -2.5, 0.25};
    double rounded[6];
    kernels.maps.doubles.round(rounded, halves, 6, 1.0, false);
    const double infinity = std::numeric_limits<double>::infinity();
    const double ends[] = {-1.0, -2.0, infinity, -0.0, 1000.0, -1000.0};
    double logs[6], odds[6];
    kernels.maps.doubles.log1p(logs, ends, 6);
    kernels.maps.doubles.sigmoid(odds, ends, 6);
    return rounded[0] == 0.0 && rounded[1] == 2.0 && rounded[2] == 2.0 && std::signbit(rounded[3]) &&
           rounded[4] == -2.0 && logs[0] == -infinity && std::isnan(logs[1]) && logs[2] == infinity &&
           std::signbit(logs[3]) && odds[2] == 1.0 && odds[3] == 0.5 && odds[4] == 1.0 && odds[5] == 0.0;
  });
}

TEST("bins: any number of edges, either side, NaN behind the last") {
  for (const size_t edge_count : {0, 1, 2, 3, 5, 8, 23, 24, 25, 26, 31, 64, 100, 1000})
    for (const size_t count : kLengths)
      for (const bool is_right : {false, true}) {
        Buffer<double> edges(edge_count), source(count, 8 * below(8));
        for (size_t e = 0; e < edge_count; ++e) edges[e] = static_cast<double>(below(50)) - 25.0;
        if (edge_count > 2 && below(3) == 0) edges[0] = -static_cast<double>(kInfinity);
        std::sort(edges.data(), edges.data() + edge_count);
        for (size_t i = 0; i < count; ++i)
          source[i] = below(2) == 0 && edge_count > 0 ? edges[below(edge_count)] : awkward_as<double>();
        Buffer<int32_t> expected(count);
        reference().bins.digitise(expected.data(), source.data(), count, edges.data(), edge_count, is_right);
        for (size_t i = 0; i < count; ++i)
          if (std::isnan(source[i])) CLAIM(expected[i] == static_cast<int32_t>(edge_count));
        at_each_level([&](const Kernels& kernels) {
          Buffer<int32_t> target(count, 4 * below(8));
          kernels.bins.digitise(target.data(), source.data(), count, edges.data(), edge_count, is_right);
          return is_same(target, expected);
        });
      }
}

TEST("columns: float64 maps give the reference's bits, one column and many, in place too") {
  const auto agree = [](auto pick, bool needs_order) {
    for (const size_t columns : {1, 2, 3, 7, 8, 29, 128, 129})
      for (const size_t rows : {0, 1, 2, 15, 16, 17, 37, 300}) {
        const size_t count = rows * columns;
        auto source = awkward_buffer<double>(count, 8 * below(9));
        auto first = awkward_buffer<double>(columns), second = awkward_buffer<double>(columns);
        for (size_t c = 0; needs_order && c < columns; ++c) {
          const double a = std::isnan(first[c]) ? 0.0 : first[c], b = std::isnan(second[c]) ? 0.0 : second[c];
          first[c] = std::min(a, b);
          second[c] = std::max(a, b);
        }
        Buffer<double> expected(count);
        pick(reference().columns.doubles, expected.data(), source.data(), rows, columns, first.data(), second.data());
        at_each_level([&](const Kernels& kernels) {
          Buffer<double> apart(count, 8 * below(9));
          Buffer<double> in_place = source;
          const ColumnMaps<double>& maps = kernels.columns.doubles;
          pick(maps, apart.data(), source.data(), rows, columns, first.data(), second.data());
          pick(maps, in_place.data(), in_place.data(), rows, columns, first.data(), second.data());
          return is_same(apart, expected) && is_same(in_place, expected);
        });
      }
  };
  agree([](const ColumnMaps<double>& maps, auto... arguments) { maps.normalise(arguments...); }, false);
  agree([](const ColumnMaps<double>& maps, auto... arguments) { maps.scale(arguments...); }, false);
  agree([](const ColumnMaps<double>& maps, double* t, const double* s, size_t r, size_t c, const double* a,
           const double*) { maps.impute(t, s, r, c, a); },
        false);
  agree([](const ColumnMaps<double>& maps, auto... arguments) { maps.clip(arguments...); }, true);
}

int main() {
  return penstock::testing::run_all();
}

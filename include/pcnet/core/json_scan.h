#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::core {

/// Walks over a JSON document and hands out its values as slices of its text, each of which can be
/// parsed on its own: a large file never becomes one large document. Brackets and quotes are
/// checked here, what a slice holds is not. What is broken is an Error that names the byte.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text);

  /// The first character of the next value; 0 at the end.
  char peek();
  /// The next value, up to its end.
  std::string_view value();
  /// The elements of the list that comes next. @param what is said to be no list, when it is none
  std::vector<std::string_view> elements(std::string_view what = "it");
  /// The members of the object that comes next: `visit(key)` takes the value by value() or
  /// elements(), and returns false to stop there.
  void members(const std::function<bool(const std::string& key)>& visit);
  /// Error when something follows.
  void require_end();
  [[noreturn]] void broken(const std::string& what) const;

 private:
  void skip_space();
  void skip_string();
  void skip_word();
  bool take(char wanted);
  void require(char wanted);

  std::string_view text_;
  std::size_t at_;
};

}  // namespace pcnet::core

#include "schema.h"

#include <limits>
#include <string_view>

#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

template <class Owner>
void bind_fields(Owner& owner, const std::string& prefix, std::vector<Field>& out);

template <class Owner>
struct FieldBinder {
  Owner& owner;
  const std::string& prefix;
  std::vector<Field>& out;

  template <class Base, class Member>
  void operator()(std::string_view name, Member Base::*member, const FieldInfo& info) const {
    const std::string key = prefix.empty() ? std::string(name) : core::cat(prefix, ".", name);
    Member& value = owner.*member;
    if constexpr (Section<Member>) {
      out.push_back({key, info, std::monostate{}});
      bind_fields(value, key, out);
    } else if constexpr (IsChoice<Member>) {
      out.push_back({key, info, static_cast<AnyChoice*>(&value), kWords<typename Member::Enum>});
    } else {
      out.push_back({key, info, &value});
    }
  }
};

template <class Owner>
void bind_fields(Owner& owner, const std::string& prefix, std::vector<Field>& out) {
  Owner::fields(FieldBinder<Owner>{owner, prefix, out});
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct TypeName {
  std::string operator()(std::monostate) const { return "section"; }
  std::string operator()(const bool*) const { return "yes/no"; }
  std::string operator()(const std::int64_t*) const { return "integer"; }
  std::string operator()(const double*) const { return "number"; }
  std::string operator()(const std::string*) const { return "text"; }
  std::string operator()(const AnyChoice*) const { return "text"; }
  std::string operator()(const std::vector<std::int64_t>*) const { return "list of integers"; }
  std::string operator()(const std::vector<double>*) const { return "list of numbers"; }
  std::string operator()(const std::vector<std::string>*) const { return "list of texts"; }
};

bool is_list(const Slot& slot) {
  return std::holds_alternative<std::vector<std::int64_t>*>(slot) ||
         std::holds_alternative<std::vector<double>*>(slot) ||
         std::holds_alternative<std::vector<std::string>*>(slot);
}

}  // namespace

std::string word_of(const Field& field, const AnyChoice& choice) {
  return std::string(field.words[choice.index()]);
}

std::vector<std::string> words_of(const Field& field) {
  return {field.words.begin(), field.words.end()};
}

std::vector<Field> bind(Config& config) {
  std::vector<Field> out;
  bind_fields(config, "", out);
  return out;
}

std::string type_name(const Field& field) { return std::visit(TypeName{}, field.slot); }

std::string range_text(const Field& field) {
  if (!field.words.empty()) return core::cat("one of ", core::join(words_of(field), ", "));
  const FieldInfo& info = field.info;
  const bool low = info.min != -kInfinity;
  const bool high = info.max != kInfinity;
  if (low && high) return core::cat(shortest(info.min), " to ", shortest(info.max));
  if (low) return core::cat(">= ", shortest(info.min));
  if (high) return core::cat("<= ", shortest(info.max));
  return "";
}

std::string wanted_item(const Field& field) {
  std::string range = range_text(field);
  if (!field.words.empty()) return range;
  if (std::holds_alternative<std::string*>(field.slot) ||
      std::holds_alternative<std::vector<std::string>*>(field.slot)) {
    return "text";
  }
  const bool whole = std::holds_alternative<std::int64_t*>(field.slot) ||
                     std::holds_alternative<std::vector<std::int64_t>*>(field.slot);
  const bool both = range.find(" to ") != std::string::npos;
  return core::cat(whole ? "an integer" : "a number", both ? " from" : "", range.empty() ? "" : " ",
                   range);
}

std::string wanted(const Field& field) {
  if (field.is_section()) return "a section (a mapping of keys)";
  if (std::holds_alternative<bool*>(field.slot)) return "true or false";
  if (!is_list(field.slot)) return wanted_item(field);
  const std::string range = range_text(field);
  return core::cat("a ", type_name(field), range.empty() ? "" : ", each ", range);
}

}  // namespace pcnet::config

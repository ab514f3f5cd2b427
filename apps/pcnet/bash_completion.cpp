#include <algorithm>

#include "pcnet/core/format.h"
#include "pcnet/core/version.h"

#include "completion.h"

namespace pcnet::app {

namespace {

using core::cat;

constexpr const char* kBashWalk = R"(
# Adds to COMPREPLY what of the values $1 begins with $2.
_pcnet_reply() {
  local value suffix IFS='|'
  for value in $1; do
    case $value in
      FILE) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2") ;;
      DIR) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$2") ;;
      CONFIG)
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
          compgen -d -- "$2"
          for suffix in yaml yml json; do compgen -f -X "!*.$suffix" -- "$2"; done
        )
        ;;
      KEY)
        compopt -o nospace 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(IFS=' ' && compgen -S = -W "$_pcnet_keys" -- "$2")
        ;;
      MANY) ;;
      *) [[ $value != "$2"* ]] || COMPREPLY+=("$value") ;;
    esac
  done
  case $1 in
    *FILE* | *DIR* | *CONFIG*) compopt -o filenames 2>/dev/null ;;
  esac
}

_pcnet() {
  local word words=() command='' option='' values='' commands options current prefix
  local -i i argument=0 last=-1
  # At = and : bash begins a new word, too.
  for ((i = 1; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if ((last >= 0)) && [[ $word == [=:]* || ${words[last]} == *[=:] ]]; then
      words[last]+=$word
    else
      words[++last]=$word
    fi
  done
  current=${words[last]}
  unset "words[last]"
  for word in "${words[@]}"; do
    _pcnet_command "$command"
    if [[ $word == --*=* ]]; then
      option=''
    elif [[ $word == -?* ]]; then
      option=''
      if _pcnet_value "$command $word"; then option=$word; fi
    elif [[ -n $option ]]; then
      [[ $values == *MANY* ]] || option=''
    elif [[ " $commands " == *" $word "* ]]; then
      command+=${command:+ }$word
    else
      argument+=1
    fi
  done

  COMPREPLY=()
  _pcnet_command "$command"
  if [[ $current == --*=* ]]; then
    option=${current%%=*}
    current=${current#*=}
    if _pcnet_value "$command $option"; then _pcnet_reply "$values" "$current"; fi
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options $_pcnet_options" -- "$current")
  elif [[ -n $option ]]; then
    _pcnet_reply "$values" "$current"
  else
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    if _pcnet_value "$command $argument"; then _pcnet_reply "$values" "$current"; fi
  fi
  # What stands before the last = or : is no part of the word that readline replaces.
  prefix=${current%"${current##*[=:]}"}
  [[ -z $prefix ]] || COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}
complete -F _pcnet pcnet
)";

std::string quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::string bash_values(const CLI::Option& option) {
  const Values values = values_of(option);
  std::vector<std::string> all = values.words;
  if (values.files) all.emplace_back("FILE");
  if (values.folders && !values.files && !values.configurations) all.emplace_back("DIR");
  if (values.configurations && !values.files) all.emplace_back("CONFIG");
  if (values.keys) all.emplace_back("KEY");
  if (takes_list(option)) all.emplace_back("MANY");
  return core::join(all, "|");
}

std::string option_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : options_in(app)) {
    for (const auto& name : names_of(*option)) words.push_back(name);
  }
  return core::join(words, " ");
}

/// Sets `commands` and `options` to what the command $1 has.
std::string bash_commands(const std::vector<Command>& all) {
  std::string out = "_pcnet_command() {\n  case $1 in\n";
  for (const auto& command : all) {
    std::vector<std::string> inner;
    for (const CLI::App* app : commands_in(*command.app)) inner.push_back(app->get_name());
    out += cat("    ", quoted(command.path), ")\n      commands=", quoted(core::join(inner, " ")),
               "\n      options=", quoted(command.path.empty() ? "" : option_words(*command.app)),
               "\n      ;;\n");
  }
  return out + "  esac\n}\n";
}

/// Sets `values` to those of $1, a command and one of its options or the number of an argument;
/// fails where nothing follows it.
std::string bash_value_cases(std::vector<Command> all) {
  std::reverse(all.begin(), all.end());  // the global options come last: their pattern fits all
  std::string out = "_pcnet_value() {\n  values=''\n  case $1 in\n";
  const auto add = [&out](const std::string& pattern, const CLI::Option& option) {
    out += cat("    ", pattern, ") values=", quoted(bash_values(option)), " ;;\n");
  };
  for (const auto& command : all) {
    for (const CLI::Option* option : options_in(*command.app)) {
      if (!takes_value(*option)) continue;
      for (const auto& name : names_of(*option)) {
        add(command.path.empty() ? cat("*", quoted(" " + name))
                                 : quoted(cat(command.path, " ", name)),
            *option);
      }
    }
    std::size_t place = 0;
    for (const CLI::Option* argument : arguments_in(*command.app)) {
      const std::string begin = quoted(command.path + " ");
      add(takes_list(*argument) ? begin + "[0-9]*" : cat(begin, place), *argument);
      ++place;
    }
  }
  return out + "    *) return 1 ;;\n  esac\n}\n";
}

}  // namespace

std::string bash_completion(const CLI::App& root, const std::vector<std::string>& keys) {
  const auto all = all_commands(root);
  return cat("# Completion of pcnet ", core::version(),
             " in bash, made by `pcnet completion bash`.\n",
             "_pcnet_options=", quoted(option_words(root)), "\n",
             "_pcnet_keys=", quoted(core::join(keys, " ")), "\n\n", bash_commands(all), "\n",
             bash_value_cases(all), kBashWalk);
}

}  // namespace pcnet::app

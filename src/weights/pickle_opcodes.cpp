#include "pickle_opcodes.h"

#include <array>
#include <string_view>

namespace pcnet::weights {

namespace {

struct NamedOpcode {
  std::uint8_t code;
  const char* name;
};

constexpr auto kData = std::to_array<NamedOpcode>({
    {'(', "MARK"},
    {'.', "STOP"},
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'J', "BININT"},
    {'K', "BININT1"},
    {'L', "LONG"},
    {'M', "BININT2"},
    {'N', "NONE"},
    {'S', "STRING"},
    {'T', "BINSTRING"},
    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},
    {'X', "BINUNICODE"},
    {'B', "BINBYTES"},
    {'C', "SHORT_BINBYTES"},
    {'a', "APPEND"},
    {'e', "APPENDS"},
    {'d', "DICT"},
    {'}', "EMPTY_DICT"},
    {'g', "GET"},
    {'h', "BINGET"},
    {'j', "LONG_BINGET"},
    {'l', "LIST"},
    {']', "EMPTY_LIST"},
    {'p', "PUT"},
    {'q', "BINPUT"},
    {'r', "LONG_BINPUT"},
    {'s', "SETITEM"},
    {'u', "SETITEMS"},
    {'t', "TUPLE"},
    {')', "EMPTY_TUPLE"},
    {'G', "BINFLOAT"},
    {0x80, "PROTO"},
    {0x85, "TUPLE1"},
    {0x86, "TUPLE2"},
    {0x87, "TUPLE3"},
    {0x88, "NEWTRUE"},
    {0x89, "NEWFALSE"},
    {0x8a, "LONG1"},
    {0x8b, "LONG4"},
    {0x8c, "SHORT_BINUNICODE"},
    {0x8d, "BINUNICODE8"},
    {0x8e, "BINBYTES8"},
    {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"},
    {0x94, "MEMOIZE"},
    {0x95, "FRAME"},
    {0x96, "BYTEARRAY8"},
});

constexpr auto kCode = std::to_array<NamedOpcode>({
    {'P', "PERSID"},
    {'Q', "BINPERSID"},
    {'R', "REDUCE"},
    {'b', "BUILD"},
    {'c', "GLOBAL"},
    {'i', "INST"},
    {'o', "OBJ"},
    {0x81, "NEWOBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x92, "NEWOBJ_EX"},
    {0x93, "STACK_GLOBAL"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
});

}  // namespace

const char* opcode_name(std::uint8_t opcode) {
  for (const auto& known : kData) {
    if (known.code == opcode) return known.name;
  }
  for (const auto& known : kCode) {
    if (known.code == opcode) return known.name;
  }
  return nullptr;
}

bool is_code(std::uint8_t opcode) {
  for (const auto& known : kCode) {
    if (known.code == opcode) return true;
  }
  return false;
}

}  // namespace pcnet::weights

#include "support/zip_bytes.h"

#include <zlib.h>

namespace pcnet::support {

namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8U) out.push_back(static_cast<char>(value & 0xff));
}

void put_local(std::string& out, const ZipItem& item) {
  const std::string& name = item.local_name ? *item.local_name : item.name;
  const auto size = item.size.value_or(static_cast<std::uint32_t>(item.data.size()));
  out += "PK\x03\x04";
  put(out, 20, 2);
  put(out, item.flags, 2);
  put(out, item.method, 2);
  put(out, 0, 8);  // time, date, checksum
  put(out, item.data.size(), 4);
  put(out, item.local_size.value_or(size), 4);
  put(out, name.size(), 2);
  put(out, 0, 2);
  out += name + item.data;
}

void put_entry(std::string& out, const ZipItem& item, std::size_t header) {
  const auto stored = static_cast<std::uint32_t>(item.data.size());
  out += "PK\x01\x02";
  put(out, 20, 2);
  put(out, 20, 2);
  put(out, item.flags, 2);
  put(out, item.method, 2);
  put(out, 0, 8);
  put(out, item.stored.value_or(stored), 4);
  put(out, item.size.value_or(stored), 4);
  put(out, item.name.size(), 2);
  put(out, 0, 12);  // extra, comment, disk, attributes
  put(out, item.header.value_or(static_cast<std::uint32_t>(header)), 4);
  out += item.name;
}

}  // namespace

std::string zip_bytes(const std::vector<ZipItem>& items, const ZipEnd& end) {
  std::string out;
  std::vector<std::size_t> headers;
  for (const auto& item : items) {
    headers.push_back(out.size());
    put_local(out, item);
  }
  const std::size_t begin = end.begin.value_or(static_cast<std::uint32_t>(out.size()));
  const std::size_t from = out.size();
  for (std::size_t i = 0; i < items.size(); ++i) put_entry(out, items[i], headers[i]);
  const std::size_t size = end.size.value_or(static_cast<std::uint32_t>(out.size() - from));
  const std::size_t count = end.count.value_or(static_cast<std::uint16_t>(items.size()));
  if (end.wide) {
    const std::size_t at = out.size();
    out += "PK\x06\x06";
    put(out, 44, 8);
    put(out, 45, 2);
    put(out, 45, 2);
    put(out, 0, 8);  // disks
    put(out, count, 8);
    put(out, count, 8);
    put(out, size, 8);
    put(out, begin, 8);
    out += "PK\x06\x07";
    put(out, 0, 4);
    put(out, at, 8);
    put(out, 1, 4);
  }
  out += "PK\x05\x06";
  put(out, end.disk, 2);
  put(out, end.disk, 2);
  put(out, end.wide ? 0xffff : count, 2);
  put(out, end.wide ? 0xffff : count, 2);
  put(out, end.wide ? 0xffffffff : size, 4);
  put(out, end.wide ? 0xffffffff : begin, 4);
  put(out, end.comment.size(), 2);
  return out + end.comment;
}

std::string deflated(const std::string& data) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  std::string in = data;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace pcnet::support

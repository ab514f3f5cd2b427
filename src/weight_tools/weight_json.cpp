#include <algorithm>
#include <array>
#include <cmath>

#include "pcnet/core/json.h"
#include "pcnet/weight_tools/weight_report.h"

namespace pcnet::weight_tools {

using Json = nlohmann::ordered_json;

namespace {

/// Metadata of our own checkpoints that are documents: shown as such, not as texts.
constexpr std::array<const char*, 3> kDocuments = {"config", "vocabulary", "state"};

Json opaque_json(const std::vector<std::pair<std::string, std::string>>& opaque) {
  Json out = Json::array();
  for (const auto& [name, type] : opaque) out.push_back({{"name", name}, {"type", type}});
  return out;
}

Json counts_json(const std::vector<Inspection::Count>& counts) {
  Json out = Json::object();
  for (const auto& count : counts) {
    out[count.name] = {{"tensors", count.tensors}, {"elements", count.elements}};
  }
  return out;
}

Json architecture_json(const clip::Architecture& architecture) {
  const auto& visual = architecture.options.visual;
  const auto& text = architecture.options.text;
  return {{"name", architecture.name.empty() ? Json() : Json(architecture.name)},
          {"vocabulary_size", architecture.vocabulary_size},
          {"visual",
           {{"layers", visual.layers},
            {"width", visual.width},
            {"heads", visual.heads},
            {"output_dim", visual.output_dim},
            {"resolution", visual.resolution},
            {"attention_pool", visual.attention_pool}}},
          {"text",
           {{"width", text.width},
            {"heads", text.heads},
            {"layers", text.layers},
            {"context_length", text.context_length},
            {"output_dim", text.output_dim}}}};
}

Json sam_json(const sam::SamOptions& options) {
  const auto encoder = [&]() -> Json {
    if (options.tiny) {
      const auto& tiny = options.tiny_vit;
      return {{"widths", tiny.widths}, {"blocks", tiny.blocks}, {"heads", tiny.heads}};
    }
    const auto& vit = options.vit;
    return {{"width", vit.width},
            {"blocks", vit.blocks},
            {"heads", vit.heads},
            {"global_blocks", vit.global_blocks}};
  };
  return {{"name", options.name.empty() ? Json() : Json(options.name)},
          {"image_encoder", encoder()},
          {"side", options.side}};
}

Json model_json(const Inspection& found) {
  if (found.architecture) return architecture_json(*found.architecture);
  return found.sam ? sam_json(*found.sam) : Json();
}

Json fit_json(const weights::Fit& fit) {
  Json mismatched = Json::array();
  for (const auto& [name, got, wanted] : fit.mismatched) {
    mismatched.push_back({{"name", name}, {"got", got}, {"wanted", wanted}});
  }
  return {{"fits", fit.fits()},
          {"fitting", fit.fitting.size()},
          {"missing", fit.missing},
          {"unexpected", fit.unexpected},
          {"mismatched", mismatched}};
}

Json loads_json(const std::vector<Inspection::Place>& loads) {
  Json out = Json::array();
  for (const auto& [where, what, settings] : loads) {
    out.push_back({{"where", where}, {"what", what}, {"set", settings}});
  }
  return out;
}

Json tensors_json(const std::vector<Inspection::TensorRow>& list) {
  Json rows = Json::array();
  for (const auto& [name, dtype, shape, statistics] : list) {
    Json row = {{"name", name}, {"dtype", dtype}, {"shape", shape}};
    if (statistics) row["non_finite"] = statistics->non_finite;
    if (statistics && statistics->finite) {
      const auto& [min, max, mean, deviation] = *statistics->finite;
      row.update({{"min", min}, {"max", max}, {"mean", mean}, {"std", deviation}});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json side_json(const Difference::Side& side) {
  return {{"file", side.file},
          {"layout", side.layout},
          {"prefix", side.prefix},
          {"tensors", side.tensors},
          {"left_out", side.left_out}};
}

Json kinds_json(const std::vector<Difference::KindRow>& rows) {
  const auto kind = [](const Difference::Kind& of) {
    return Json{{"dtype", of.dtype}, {"shape", of.shape}};
  };
  Json out = Json::array();
  for (const auto& row : rows) {
    out.push_back({{"name", row.name}, {"a", kind(row.a)}, {"b", kind(row.b)}});
  }
  return out;
}

/// JSON has no infinity.
Json number_json(double value) { return std::isfinite(value) ? Json(value) : Json("infinite"); }

}  // namespace

Json metadata_json(const std::map<std::string, std::string>& metadata) {
  Json out = Json::object();
  for (const auto& [key, text] : metadata) {
    const bool document = std::find(kDocuments.begin(), kDocuments.end(), key) != kDocuments.end();
    Json parsed = document ? core::try_parse_json<Json>(text) : Json(text);
    out[key] = parsed.is_discarded() ? Json(text) : std::move(parsed);
  }
  return out;
}

Json to_json(const Inspection& found) {
  Json values = Json::object();
  for (const auto& [name, value] : found.values) values[name] = value;
  Json out = {{"file", found.file},
              {"format", found.format},
              {"layout", found.layout},
              {"prefix", found.prefix},
              {"tensors", found.tensors},
              {"tensor_bytes", found.tensor_bytes},
              {"model_tensors", found.model_tensors},
              {"parameters", found.parameters},
              {"parts", counts_json(found.parts)},
              {"dtypes", counts_json(found.dtypes)},
              {"left_out", found.left_out},
              {"values", values},
              {"opaque", opaque_json(found.opaque)},
              {"hidden_tensors", found.hidden_tensors},
              {"metadata", metadata_json(found.metadata)},
              {"architecture", model_json(found)},
              {"fit", found.fit ? fit_json(*found.fit) : Json()},
              {"loads", loads_json(found.loads)},
              {"advice", found.advice.empty() ? Json() : Json(found.advice)}};
  if (found.tensor_list) out["tensor_list"] = tensors_json(*found.tensor_list);
  return out;
}

Json to_json(const Conversion& done) {
  return {{"in", done.in},
          {"out", done.out},
          {"from", done.from},
          {"layout", done.layout ? Json(weights::to_string(*done.layout)) : Json()},
          {"tensors", done.tensors},
          {"bytes", done.bytes},
          {"left_out", done.left_out},
          {"opaque", opaque_json(done.opaque)}};
}

Json to_json(const Difference& found) {
  Json numbers = Json::array();
  for (const auto& [name, absolute, relative] : found.numbers) {
    numbers.push_back({{"name", name},
                       {"max_absolute", number_json(absolute)},
                       {"max_relative", number_json(relative)},
                       {"beyond_tolerance", absolute > found.tolerance}});
  }
  return {{"equal", found.equal},
          {"a", side_json(found.a)},
          {"b", side_json(found.b)},
          {"tolerance", found.tolerance},
          {"common", found.common},
          {"beyond_tolerance", found.beyond_tolerance},
          {"only_in_a", found.only_in_a},
          {"only_in_b", found.only_in_b},
          {"shapes", kinds_json(found.shapes)},
          {"dtypes", kinds_json(found.dtypes)},
          {"numbers", numbers}};
}

}  // namespace pcnet::weight_tools

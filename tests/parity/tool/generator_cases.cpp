#include "generator_cases.h"

namespace pcnet::parity {

using nlohmann::json;

namespace {

json record(const proposals::GeneratedMask& one) {
  const auto& [x0, y0, x1, y1] = one.box;
  const auto& crop = one.crop;
  return {
      {"segmentation",
       {{"size", {one.mask.height, one.mask.width}}, {"counts", image::to_coco_string(one.mask)}}},
      {"area", image::area(one.mask)},
      {"bbox", {x0, y0, x1 - x0, y1 - y0}},
      {"predicted_iou", static_cast<double>(one.predicted_iou)},
      {"point_coords", {{one.point.x, one.point.y}}},
      {"stability_score", static_cast<double>(one.stability)},
      {"crop_box", {crop.x0, crop.y0, crop.x1 - crop.x0, crop.y1 - crop.y0}}};
}

}  // namespace

config::MaskGeneratorOptions generator_options(const json& item) {
  config::MaskGeneratorOptions options;
  item.at("points").get_to(options.points_per_side);
  item.at("batch").get_to(options.points_per_batch);
  item.at("predicted_iou").get_to(options.predicted_iou);
  item.at("stability").get_to(options.stability);
  item.at("box_nms").get_to(options.box_nms);
  item.at("crop_layers").get_to(options.crop_layers);
  item.at("crop_nms").get_to(options.crop_nms);
  item.at("crop_points_factor").get_to(options.crop_points_factor);
  item.at("region_area").get_to(options.min_mask_region_area);
  return options;
}

json records_of(const std::vector<proposals::GeneratedMask>& masks) {
  json records = json::array();
  for (const auto& mask : masks) records.push_back(record(mask));
  return records;
}

}  // namespace pcnet::parity

#include "pcnet/sam/sam_options.h"

namespace pcnet::sam {

std::vector<SamOptions> published_sams() {
  return {{.name = "ViT-B"},
          {.name = "ViT-L",
           .vit = {.width = 1024, .blocks = 24, .heads = 16, .global_blocks = {5, 11, 17, 23}}},
          {.name = "ViT-H",
           .vit = {.width = 1280, .blocks = 32, .heads = 16, .global_blocks = {7, 15, 23, 31}}}};
}

SamOptions mobile_sam() { return {.name = "MobileSAM", .tiny = true}; }

}  // namespace pcnet::sam

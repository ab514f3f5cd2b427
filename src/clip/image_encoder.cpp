#include "pcnet/clip/image_encoder.h"

#include "pcnet/clip/modified_resnet.h"

namespace pcnet::clip {

std::shared_ptr<ImageEncoder> make_image_encoder(const config::VisualOptions& options) {
  return std::make_shared<ModifiedResNetImpl>(options);
}

}  // namespace pcnet::clip

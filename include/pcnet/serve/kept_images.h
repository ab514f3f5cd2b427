#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "pcnet/core/recently_used.h"
#include "pcnet/model/referring_model.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::serve {

/// What stays of an image that was sent: what the model made of it, never its pixels.
struct KeptImage {
  std::int64_t height = 0;  ///< after its EXIF turn, px
  std::int64_t width = 0;
  model::Seen seen;                         ///< the image's row of what the model makes of it
  std::optional<sam::Embedding> embedding;  ///< once Segment Anything was asked about it

  std::int64_t bytes() const;
};

/// The images that were asked about last, up to so many bytes, for several threads.
class KeptImages {
 public:
  explicit KeptImages(std::int64_t most_bytes) : images_(most_bytes) {}

  /// Null for one that is not, or no longer, here.
  std::shared_ptr<const KeptImage> find(const std::string& id);
  /// In the place of what is here under this id, unless that knows more of it. Those that were not
  /// asked about for longest go first, this one too where it alone is too large.
  void keep(const std::string& id, std::shared_ptr<const KeptImage> image);
  std::int64_t bytes() const;
  std::int64_t count() const;

 private:
  mutable std::mutex mutex_;
  core::RecentlyUsed<std::shared_ptr<const KeptImage>> images_;
};

/// Images that are being made: what several clients send at once is made by one of them.
class ImagesUnderWay {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// While it lives, and is held, nobody else holds the name.
  class Hold {
   public:
    /// Waits for it until the deadline.
    Hold(ImagesUnderWay& all, const std::string& id, Deadline deadline);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    bool is_held() const { return held_; }
    /// Whether another held it before.
    bool waited() const { return waited_; }

   private:
    ImagesUnderWay& all_;
    std::string id_;
    bool held_;
    bool waited_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_set<std::string> names_;
};

}  // namespace pcnet::serve

#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pcnet/config/config.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

namespace pcnet::config {

/// A temporary folder for configuration files. Messages are given back without the folder's name.
class ConfigFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "pcnet_config_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    core::write_file_plain(folder_ / name, text);
  }

  ResolvedConfig load_file(const std::string& name,
                           const std::vector<std::string>& overrides = {}) const {
    return load(folder_ / name, overrides);
  }

  /// The message of the ConfigError, empty when there is none.
  std::string faults(const std::string& name,
                     const std::vector<std::string>& overrides = {}) const {
    try {
      load_file(name, overrides);
    } catch (const core::ConfigError& error) {
      return without_folder(error.what());
    }
    return "";
  }

  std::string without_folder(std::string text) const {
    const std::string prefix = folder_.string() + "/";
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }

  std::filesystem::path folder_;
};

}  // namespace pcnet::config

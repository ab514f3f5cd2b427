# What the build needs. LibTorch comes from an explicit Torch_DIR or CMAKE_PREFIX_PATH, else from
# the choice of scripts/setup.sh, else from .venv, else from the active Python. The wheel's CMake
# files are located without importing torch.

if(NOT Torch_DIR AND NOT CMAKE_PREFIX_PATH MATCHES "torch" AND NOT DEFINED ENV{Torch_DIR}
   AND NOT "$ENV{CMAKE_PREFIX_PATH}" MATCHES "torch")
  set(pcnet_torch "")
  if(EXISTS "${PROJECT_SOURCE_DIR}/.setup/torch_dir")
    file(STRINGS "${PROJECT_SOURCE_DIR}/.setup/torch_dir" pcnet_torch LIMIT_COUNT 1)
  endif()
  foreach(python IN ITEMS "${PROJECT_SOURCE_DIR}/.venv/bin/python" python3)
    if(EXISTS "${pcnet_torch}/TorchConfig.cmake")
      break()
    endif()
    execute_process(
      COMMAND ${python} -c
              "import importlib.util as u; s=u.find_spec('torch'); print(s.submodule_search_locations[0] + '/share/cmake/Torch' if s else '')"
      OUTPUT_VARIABLE pcnet_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endforeach()
  if(EXISTS "${pcnet_torch}/TorchConfig.cmake")
    set(Torch_DIR "${pcnet_torch}" CACHE PATH "LibTorch's CMake files")
  endif()
endif()

<<<<<<< HEAD
include(PcnetTorch)
message(STATUS "torch ${Torch_VERSION} in ${Torch_DIR} (CUDA: ${PCNET_HAS_CUDA})")
include(PcnetLibraries)
=======
find_package(Torch QUIET REQUIRED)
if(Torch_VERSION AND Torch_VERSION VERSION_LESS 2.11)
  message(FATAL_ERROR "torch ${Torch_VERSION} in ${Torch_DIR} is too old: pcnet needs 2.11 or newer")
endif()
message(STATUS "torch ${Torch_VERSION} in ${Torch_DIR}")
set(PCNET_HAS_CUDA OFF)
if(TARGET torch_cuda)
  set(PCNET_HAS_CUDA ON)
endif()
message(STATUS "torch has CUDA: ${PCNET_HAS_CUDA}")

# OpenCV's core, imgproc and imgcodecs. Debian ships OpenCV's CMake files only with all of its
# modules (150 packages), so the three libraries are also found by name.
find_package(OpenCV QUIET COMPONENTS core imgproc imgcodecs)
if(NOT OpenCV_FOUND)
  find_path(OpenCV_INCLUDE_DIRS opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
  set(OpenCV_LIBS)
  foreach(module IN ITEMS imgcodecs imgproc core)
    find_library(OpenCV_${module}_LIBRARY opencv_${module} REQUIRED)
    list(APPEND OpenCV_LIBS ${OpenCV_${module}_LIBRARY})
  endforeach()
endif()
add_library(pcnet_opencv INTERFACE)
target_include_directories(pcnet_opencv SYSTEM INTERFACE $<BUILD_INTERFACE:${OpenCV_INCLUDE_DIRS}>)
target_link_libraries(pcnet_opencv INTERFACE ${OpenCV_LIBS})

find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
>>>>>>> refs/heads/images
if(PCNET_BUILD_APPS)
  find_package(CLI11 REQUIRED)
endif()
